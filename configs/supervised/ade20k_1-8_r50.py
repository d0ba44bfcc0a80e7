# python tools/train.py configs/supervised/ade20k_1-8_r50.py
_base_ = '../_base_/recipes/ade20k_r50.py'

model = dict(type='Supervised')
total_batch_size = 16  # labeled images, as many as the others see in all
train_dataloader = dict(
    sampler=dict(ratio=(1, 0)),
    dataset=dict(labeled_list='splits/1_8.txt'))
auto_scale_lr = dict(base_batch_size=16)

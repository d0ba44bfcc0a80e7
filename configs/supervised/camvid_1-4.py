# python tools/train.py configs/supervised/camvid_1-4.py
_base_ = '../_base_/recipes/camvid_r101.py'

model = dict(type='Supervised')
total_batch_size = 16  # labeled images, as many as the others see in all
train_dataloader = dict(
    sampler=dict(ratio=(1, 0)),
    dataset=dict(labeled_list='splits/1_4/labeled.txt'))
auto_scale_lr = dict(base_batch_size=16)

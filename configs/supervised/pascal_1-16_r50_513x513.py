# python tools/train.py configs/supervised/pascal_1-16_r50_513x513.py
_base_ = '../_base_/recipes/pascal_r50_513x513.py'

model = dict(type='Supervised')
total_batch_size = 16  # labeled images, as many as the others see in all
train_dataloader = dict(
    sampler=dict(ratio=(1, 0)),
    dataset=dict(labeled_list='splits/92.txt'))
auto_scale_lr = dict(base_batch_size=16)

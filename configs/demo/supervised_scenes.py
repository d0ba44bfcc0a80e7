# python tools/train.py configs/demo/supervised_scenes.py
_base_ = '../_base_/recipes/scenes_r18.py'

model = dict(type='Supervised')
total_batch_size = 16
train_dataloader = dict(
    sampler=dict(ratio=(1, 0)),
    dataset=dict(labeled_list='splits/1_16.txt'))
auto_scale_lr = dict(base_batch_size=16)

# python tools/train.py configs/stpp/cityscapes_1-16_r50.py
_base_ = '../_base_/recipes/st_cityscapes_r50.py'

self_training = dict(shares=(0.5, 1))
train_dataloader = dict(dataset=dict(labeled_list='splits/1_16.txt'))

# python tools/train.py configs/stpp/cityscapes_1-30.py
_base_ = '../_base_/recipes/st_cityscapes_r101.py'

self_training = dict(shares=(0.5, 1))
train_dataloader = dict(dataset=dict(labeled_list='splits/1_30.txt'))

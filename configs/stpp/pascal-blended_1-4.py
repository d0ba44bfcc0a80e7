# python tools/train.py configs/stpp/pascal-blended_1-4.py
_base_ = '../_base_/recipes/st_pascal_r101.py'

self_training = dict(shares=(0.5, 1))
train_dataloader = dict(dataset=dict(labeled_list='splits/1_4.txt'))

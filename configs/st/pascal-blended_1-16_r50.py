# python tools/train.py configs/st/pascal-blended_1-16_r50.py
_base_ = '../_base_/recipes/st_pascal_r50.py'

self_training = dict(shares=(1, ))
train_dataloader = dict(dataset=dict(labeled_list='splits/1_16.txt'))

# python tools/train.py configs/rankmatch/pascal-u2pl_1-16_r50.py
_base_ = '../_base_/recipes/pascal_r50.py'

model = dict(type='RankMatch', conf_thresh=0.95)
train_dataloader = dict(dataset=dict(labeled_list='splits/u2pl_1_16.txt'))

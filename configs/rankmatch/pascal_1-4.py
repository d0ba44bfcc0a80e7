# python tools/train.py configs/rankmatch/pascal_1-4.py
_base_ = '../_base_/recipes/pascal_r101.py'

model = dict(type='RankMatch', conf_thresh=0.95)
train_dataloader = dict(dataset=dict(labeled_list='splits/366.txt'))

# python tools/train.py configs/rankmatch/cityscapes_1-16.py
_base_ = '../_base_/recipes/cityscapes_r101.py'

model = dict(type='RankMatch', conf_thresh=0)
train_dataloader = dict(dataset=dict(labeled_list='splits/1_16.txt'))

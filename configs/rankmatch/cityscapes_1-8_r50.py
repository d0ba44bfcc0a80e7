# python tools/train.py configs/rankmatch/cityscapes_1-8_r50.py
_base_ = '../_base_/recipes/cityscapes_r50.py'

model = dict(type='RankMatch', conf_thresh=0)
train_dataloader = dict(dataset=dict(labeled_list='splits/1_8.txt'))

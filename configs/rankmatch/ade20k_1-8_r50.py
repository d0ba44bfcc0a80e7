# python tools/train.py configs/rankmatch/ade20k_1-8_r50.py
_base_ = '../_base_/recipes/ade20k_r50.py'

model = dict(type='RankMatch', conf_thresh=0.95)
train_dataloader = dict(dataset=dict(labeled_list='splits/1_8.txt'))

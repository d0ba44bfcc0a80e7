# python tools/train.py configs/rankmatch/pascal_1-16_r50_513x513.py
_base_ = '../_base_/recipes/pascal_r50_513x513.py'

model = dict(type='RankMatch', conf_thresh=0.95)
train_dataloader = dict(dataset=dict(labeled_list='splits/92.txt'))

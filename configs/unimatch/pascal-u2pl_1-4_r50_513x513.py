# python tools/train.py configs/unimatch/pascal-u2pl_1-4_r50_513x513.py
_base_ = '../_base_/recipes/pascal_r50_513x513.py'

model = dict(type='UniMatch', conf_thresh=0.95)
train_dataloader = dict(dataset=dict(labeled_list='splits/u2pl_1_4.txt'))

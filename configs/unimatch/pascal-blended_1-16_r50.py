# python tools/train.py configs/unimatch/pascal-blended_1-16_r50.py
_base_ = '../_base_/recipes/pascal_r50.py'

model = dict(type='UniMatch', conf_thresh=0.95)
train_dataloader = dict(dataset=dict(labeled_list='splits/1_16.txt'))

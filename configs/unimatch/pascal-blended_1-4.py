# python tools/train.py configs/unimatch/pascal-blended_1-4.py
_base_ = '../_base_/recipes/pascal_r101.py'

model = dict(type='UniMatch', conf_thresh=0.95)
train_dataloader = dict(dataset=dict(labeled_list='splits/1_4.txt'))

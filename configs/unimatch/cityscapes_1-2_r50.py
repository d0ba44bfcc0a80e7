# python tools/train.py configs/unimatch/cityscapes_1-2_r50.py
_base_ = '../_base_/recipes/cityscapes_r50.py'

model = dict(type='UniMatch', conf_thresh=0)
train_dataloader = dict(dataset=dict(labeled_list='splits/1_2.txt'))

# python tools/train.py configs/unimatch/coco_1-512.py
_base_ = '../_base_/recipes/coco_r101.py'

model = dict(type='UniMatch', conf_thresh=0.95)
train_dataloader = dict(dataset=dict(labeled_list='splits/1_512.txt'))

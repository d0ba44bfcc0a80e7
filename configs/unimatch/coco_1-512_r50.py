# python tools/train.py configs/unimatch/coco_1-512_r50.py
_base_ = '../_base_/recipes/coco_r50.py'

model = dict(type='UniMatch', conf_thresh=0.95)
train_dataloader = dict(dataset=dict(labeled_list='splits/1_512.txt'))

# python tools/train.py configs/rankmatch/coco_1-512_r50.py
_base_ = '../_base_/recipes/coco_r50.py'

model = dict(type='RankMatch', conf_thresh=0.95)
train_dataloader = dict(dataset=dict(labeled_list='splits/1_512.txt'))

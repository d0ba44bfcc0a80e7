# python tools/train.py configs/stpp/coco_1-256.py
_base_ = '../_base_/recipes/st_coco_r101.py'

self_training = dict(shares=(0.5, 1))
train_dataloader = dict(dataset=dict(labeled_list='splits/1_256.txt'))

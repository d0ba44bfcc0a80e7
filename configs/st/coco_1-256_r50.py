# python tools/train.py configs/st/coco_1-256_r50.py
_base_ = '../_base_/recipes/st_coco_r50.py'

self_training = dict(shares=(1, ))
train_dataloader = dict(dataset=dict(labeled_list='splits/1_256.txt'))

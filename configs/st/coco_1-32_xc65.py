# python tools/train.py configs/st/coco_1-32_xc65.py
_base_ = '../_base_/recipes/st_coco_xc65.py'

self_training = dict(shares=(1, ))
train_dataloader = dict(dataset=dict(labeled_list='splits/1_32.txt'))

# python tools/train.py configs/corrmatch/coco_1-64_r50.py
_base_ = '../_base_/recipes/corrmatch_coco_r50.py'

train_dataloader = dict(dataset=dict(labeled_list='splits/1_64.txt'))

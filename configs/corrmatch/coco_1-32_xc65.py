# python tools/train.py configs/corrmatch/coco_1-32_xc65.py
_base_ = '../_base_/recipes/corrmatch_coco_xc65.py'

train_dataloader = dict(dataset=dict(labeled_list='splits/1_32.txt'))

# python tools/train.py configs/corrmatch/cityscapes_1-30_r50.py
_base_ = '../_base_/recipes/corrmatch_cityscapes_r50.py'

train_dataloader = dict(dataset=dict(labeled_list='splits/1_30.txt'))

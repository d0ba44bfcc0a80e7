# python tools/train.py configs/corrmatch/cityscapes_1-8.py
_base_ = '../_base_/recipes/corrmatch_cityscapes_r101.py'

train_dataloader = dict(dataset=dict(labeled_list='splits/1_8.txt'))

# python tools/train.py configs/corrmatch/pascal-u2pl_1-16_513x513.py
_base_ = '../_base_/recipes/corrmatch_pascal_r101_513x513.py'

train_dataloader = dict(dataset=dict(labeled_list='splits/u2pl_1_16.txt'))

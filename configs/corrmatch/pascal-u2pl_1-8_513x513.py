# python tools/train.py configs/corrmatch/pascal-u2pl_1-8_513x513.py
_base_ = '../_base_/recipes/corrmatch_pascal_r101_513x513.py'

train_dataloader = dict(dataset=dict(labeled_list='splits/u2pl_1_8.txt'))

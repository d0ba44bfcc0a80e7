# python tools/train.py configs/corrmatch/pascal_1-16.py
_base_ = '../_base_/recipes/corrmatch_pascal_r101.py'

train_dataloader = dict(dataset=dict(labeled_list='splits/92.txt'))

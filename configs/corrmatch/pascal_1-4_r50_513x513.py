# python tools/train.py configs/corrmatch/pascal_1-4_r50_513x513.py
_base_ = '../_base_/recipes/corrmatch_pascal_r50_513x513.py'

train_dataloader = dict(dataset=dict(labeled_list='splits/366.txt'))

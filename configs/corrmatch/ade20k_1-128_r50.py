# python tools/train.py configs/corrmatch/ade20k_1-128_r50.py
_base_ = '../_base_/recipes/corrmatch_ade20k_r50.py'

train_dataloader = dict(dataset=dict(labeled_list='splits/1_128.txt'))

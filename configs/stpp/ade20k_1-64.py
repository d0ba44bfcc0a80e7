# python tools/train.py configs/stpp/ade20k_1-64.py
_base_ = '../_base_/recipes/st_ade20k_r101.py'

self_training = dict(shares=(0.5, 1))
train_dataloader = dict(dataset=dict(labeled_list='splits/1_64.txt'))

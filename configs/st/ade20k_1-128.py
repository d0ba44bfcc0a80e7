# python tools/train.py configs/st/ade20k_1-128.py
_base_ = '../_base_/recipes/st_ade20k_r101.py'

self_training = dict(shares=(1, ))
train_dataloader = dict(dataset=dict(labeled_list='splits/1_128.txt'))

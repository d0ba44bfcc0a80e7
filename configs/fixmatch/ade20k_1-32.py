# python tools/train.py configs/fixmatch/ade20k_1-32.py
_base_ = '../_base_/recipes/ade20k_r101.py'

model = dict(type='FixMatch', conf_thresh=0.95)
train_dataloader = dict(
    dataset=dict(
        labeled_list='splits/1_32.txt',
        unlabeled_pipeline={{_base_.one_view_pipeline}}))

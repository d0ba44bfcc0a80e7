# python tools/train.py configs/fixmatch/cityscapes_1-2.py
_base_ = '../_base_/recipes/cityscapes_r101.py'

model = dict(type='FixMatch', conf_thresh=0)
train_dataloader = dict(
    dataset=dict(
        labeled_list='splits/1_2.txt',
        unlabeled_pipeline={{_base_.one_view_pipeline}}))

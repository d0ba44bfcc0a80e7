# python tools/train.py configs/fixmatch/camvid_1-16.py
_base_ = '../_base_/recipes/camvid_r101.py'

model = dict(type='FixMatch', conf_thresh=0.95)
train_dataloader = dict(
    dataset=dict(
        labeled_list='splits/1_16/labeled.txt',
        unlabeled_pipeline={{_base_.one_view_pipeline}}))

# python tools/train.py configs/cps/camvid_1-8_lite0.py
_base_ = '../_base_/recipes/camvid_lite0.py'

model = dict(type='CPS', cps_weight=1)  # as on Pascal with CutMix
train_dataloader = dict(
    dataset=dict(
        labeled_list='splits/1_8/labeled.txt',
        unlabeled_pipeline={{_base_.cps_pipeline}}))

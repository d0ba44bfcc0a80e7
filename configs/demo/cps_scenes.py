# python tools/train.py configs/demo/cps_scenes.py
_base_ = '../_base_/recipes/scenes_r18.py'

model = dict(type='CPS', cps_weight=1)  # as on Pascal with CutMix
train_dataloader = dict(
    dataset=dict(
        labeled_list='splits/1_16.txt',
        unlabeled_pipeline={{_base_.cps_pipeline}}))

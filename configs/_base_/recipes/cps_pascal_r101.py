# CPS with CutMix as published: crop 512, 8 labeled and 8 unlabeled images a step, lr
# 0.005 for backbone and head.  The long side is scaled by any factor from 0.5 to 2
# here, by one of six there.
_base_ = './pascal_r101.py'

crop_size = 512
model = dict(type='CPS', cps_weight=1)
optim_wrapper = dict(
    optimizer=dict(lr=0.005),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1))))
train_dataloader = dict(
    dataset=dict(unlabeled_pipeline={{_base_.cps_pipeline}}))

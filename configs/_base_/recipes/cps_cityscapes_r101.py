# CPS with CutMix as published: crop 800, lr 0.04 for 8 labeled and 8 unlabeled
# images a step.  The supervised loss (OHEM) and the evaluation in windows are
# UniMatch's.
_base_ = './cityscapes_r101.py'

crop_size = 800
model = dict(type='CPS', cps_weight=5)
optim_wrapper = dict(optimizer=dict(lr=0.04))
train_dataloader = dict(
    dataset=dict(unlabeled_pipeline={{_base_.cps_pipeline}}))

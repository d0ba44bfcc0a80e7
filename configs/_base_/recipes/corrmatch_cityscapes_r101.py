# CorrMatch: output stride 8, one strong view.  Released without a first
# threshold: Pascal's serves here too.
_base_ = './cityscapes_r101.py'

model = dict(
    type='CorrMatch',
    thresh_init=0.85,
    correlation=dict(in_channels=2048),
    backbone=dict(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)),
    decode_head=dict(
        dilations=(1, 12, 24, 36), loss_decode=dict(min_kept=100000)))
train_dataloader = dict(
    dataset=dict(unlabeled_pipeline={{_base_.one_view_pipeline}}))

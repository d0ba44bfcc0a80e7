_base_ = './base.py'

model = dict(
    type='CorrMatch',
    thresh_init=0.85,
    correlation=dict(in_channels=320, channels=64),
    backbone=dict(output_stride=16),
)
train_dataloader = dict(dataset=dict(unlabeled_pipeline={{_base_.one_view_pipeline}}))

# CorrMatch's DeepLabV3+: output stride 8.
_base_ = './deeplabv3plus_r101.py'

model = dict(
    type='CorrMatch',
    thresh_init=0.85,
    correlation=dict(in_channels=2048),
    backbone=dict(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)),
    decode_head=dict(dilations=(1, 12, 24, 36)))

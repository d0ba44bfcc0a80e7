# ST's DeepLabV3+: ResNet with a 7x7 stem (torchvision's weights), output
# stride 8, dropout.
_base_ = './deeplabv3plus_r101.py'

model = dict(
    type='Supervised',
    backbone=dict(
        type='ResNet',
        stem_channels=64,
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        init_cfg=dict(checkpoint='pretrained/resnet101_torchvision.pth')),
    decode_head=dict(
        dilations=(1, 12, 24, 36), project_dropout=0.5, fuse_dropout=0.1))

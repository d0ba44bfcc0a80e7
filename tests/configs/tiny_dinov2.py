# The tiny recipe with UniMatch V2's network: 4 blocks of 32 channels.
_base_ = './tiny.py'

crop_size = (56, 56)
model = dict(
    type='FixMatch',
    conf_thresh=0.2,
    loss_rank=None,
    backbone=dict(
        _delete_=True,
        type='DINOv2',
        arch=dict(
            embed_dims=32, num_layers=4, num_heads=2, feedforward_channels=64),
        img_size=56),
    decode_head=dict(
        _delete_=True,
        type='NormFreeDPTHead',
        in_channels=[32] * 4,
        channels=16,
        level_channels=(8, 16, 16, 16),
        num_classes=4,
        loss_decode=dict(type='PixelCrossEntropyLoss')),
    test_cfg=dict(mode='whole', multiple=14))

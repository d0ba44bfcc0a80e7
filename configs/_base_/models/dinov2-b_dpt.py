# DINOv2 base with UniMatch V2's head, as released.  The weights (Apache 2.0) are
# Meta's; docs/unimatch_v2.md says where to get them.
model = dict(
    data_preprocessor=dict(
        type='SemiDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(
        type='DINOv2',
        arch='base',
        init_cfg=dict(
            type='PretrainedBackbone',
            checkpoint='pretrained/dinov2_vitb14_pretrain.pth')),
    decode_head=dict(
        type='NormFreeDPTHead',
        in_channels=[768] * 4,
        channels=128,
        level_channels=(96, 192, 384, 768),
        loss_decode=dict(type='PixelCrossEntropyLoss')),
    # As released: whole images, resized to multiples of a patch.
    test_cfg=dict(mode='whole', multiple=14))

# DeepLabV3+ as released: ResNet with a 3-conv stem, output stride 16, plain
# convolutions, align_corners.  A method sets `type`, a recipe `num_classes`.
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    data_preprocessor=dict(
        type='SemiDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(
        type='ResNetV1c',
        depth=101,
        stem_channels=128,
        out_indices=(0, 3),
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 2),
        contract_dilation=True,
        norm_cfg=norm_cfg,
        init_cfg=dict(
            type='PretrainedBackbone', checkpoint='pretrained/resnet101.pth')),
    decode_head=dict(
        type='DeepLabV3PlusHead',
        in_channels=2048,
        in_index=-1,
        channels=256,
        c1_in_channels=256,
        c1_channels=48,
        dilations=(1, 6, 12, 18),
        dropout_ratio=0,
        norm_cfg=norm_cfg,
        align_corners=True,
        loss_decode=dict(type='PixelCrossEntropyLoss')),
    test_cfg=dict(mode='whole'))

# python tools/train.py configs/rankmatch/camvid_1-8_segformer-b0.py
# RankMatch on a transformer: only backbone, head and optimiser differ.  The
# weights are mmseg's mit_b0_20220624-7e0fe6dd.pth.
_base_ = './camvid_1-8.py'

model = dict(
    rank_layer='decode_head.fusion_conv',
    backbone=dict(
        _delete_=True,
        type='MixVisionTransformer',
        embed_dims=32,
        num_layers=[2, 2, 2, 2],
        num_heads=[1, 2, 5, 8],
        init_cfg=dict(
            type='PretrainedBackbone', checkpoint='pretrained/mit_b0.pth')),
    decode_head=dict(
        _delete_=True,
        type='SegformerHead',
        in_channels=[32, 64, 160, 256],
        in_index=[0, 1, 2, 3],
        channels=256,
        dropout_ratio=0.1,
        num_classes=11,
        norm_cfg={{_base_.norm_cfg}},
        loss_decode=dict(type='PixelCrossEntropyLoss')))
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=6e-4, weight_decay=0.01))

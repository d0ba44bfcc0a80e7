# python tools/train.py configs/st/pascal_1-16_r50_pspnet.py
_base_ = './pascal_1-16_r50.py'

model = dict(
    decode_head=dict(
        _delete_=True,
        type='PSPNetHead',
        in_channels=2048,
        channels=512,
        dropout_ratio=0.1,
        num_classes=21,
        norm_cfg={{_base_.norm_cfg}},
        align_corners=True,
        loss_decode=dict(type='PixelCrossEntropyLoss')))

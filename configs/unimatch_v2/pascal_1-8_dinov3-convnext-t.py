# python tools/train.py configs/unimatch_v2/pascal_1-8_dinov3-convnext-t.py
# UniMatch V2 on a ConvNeXt of DINOv3, by timm (pip install timm), as on any other
# pyramid of timm.  timm downloads the weights.  Their licence is not an open one:
# read the DINOv3 License of Meta before use.
_base_ = '../_base_/recipes/pascal_dinov2-s.py'

model = dict(
    type='UniMatchV2',
    conf_thresh=0.95,
    backbone=dict(
        _delete_=True,
        type='mmpretrain.TIMMBackbone',
        model_name='convnext_tiny.dinov3_lvd1689m',
        features_only=True,
        pretrained=True,
        out_indices=(0, 1, 2, 3)),
    decode_head=dict(
        _delete_=True,
        type='SegformerHead',
        in_channels=[96, 192, 384, 768],
        in_index=[0, 1, 2, 3],
        channels=256,
        dropout_ratio=0.1,
        num_classes=21,
        norm_cfg=dict(type='BN'),
        loss_decode=dict(type='PixelCrossEntropyLoss')),
    test_cfg=dict(_delete_=True, mode='whole'))
custom_hooks = [dict(type='EMATeacherHook', evaluate=True)]
train_dataloader = dict(dataset=dict(labeled_list='splits/183.txt'))

# The tiny recipe with UniMatch V2's network: 4 blocks of 32 channels.
_base_ = './tiny.py'

crop_size = (56, 56)
_crop = dict(type='RandomScaleCrop', ratio_range=(0.5, 2.0))
train_dataloader = dict(
    sampler=dict(partner='in_batch'),
    dataset=dict(
        labeled_pipeline=[
            dict(type='LoadSegImage'),
            dict(type='LoadSegMask'),
            _crop,
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackLabeled')
        ],
        unlabeled_pipeline=[
            dict(type='LoadSegImage'),
            dict(type='MarkValid'),
            _crop,
            dict(type='RandomFlip', prob=0.5),
            dict(type='StrongViews', num_views=2),
            dict(type='CutMixBoxes', num_views=2),
            dict(type='PackUnlabeled')
        ]))
custom_hooks = [dict(type='EMATeacherHook', evaluate=True)]
model = dict(
    _delete_=True,
    type='UniMatchV2',
    conf_thresh=0.2,
    data_preprocessor={{_base_.model.data_preprocessor}},
    backbone=dict(
        type='DINOv2',
        arch=dict(
            embed_dims=32, num_layers=4, num_heads=2, feedforward_channels=64),
        img_size=56),
    decode_head=dict(
        type='NormFreeDPTHead',
        in_channels=[32] * 4,
        channels=16,
        level_channels=(8, 16, 16, 16),
        num_classes=4,
        loss_decode=dict(type='PixelCrossEntropyLoss')),
    test_cfg=dict(mode='whole', multiple=14))

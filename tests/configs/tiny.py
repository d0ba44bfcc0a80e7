# The real recipe with a tiny network and tiny images: a run takes seconds.
_base_ = [
    '../../configs/_base_/datasets/camvid.py',
    '../../configs/_base_/schedules/sgd_poly.py',
    '../../configs/_base_/default_runtime.py',
]

rehearse = False  # tests/test_engine/test_runner/test_rehearsal.py

metainfo = dict(
    _delete_=True,
    classes=('ground', 'disc', 'box', 'bar'),
    palette=[[90, 90, 90], [200, 40, 40], [40, 200, 40], [40, 40, 200]],
)
crop_size = (33, 33)
geometry = [
    dict(type='RandomScaleCrop', crop_size=crop_size, ratio_range=(0.5, 2.0)),
    dict(type='RandomFlip', prob=0.5),
]
labeled_pipeline = [
    dict(type='LoadSegImage'),
    dict(type='LoadSegMask'),
    *geometry,
    dict(type='PackLabeled'),
]
unlabeled_pipeline = [
    dict(type='LoadSegImage'),
    dict(type='MarkValid'),
    *geometry,
    dict(type='StrongViews', num_views=2),
    dict(type='CutMixBoxes', num_views=2),
    dict(type='PackUnlabeled'),
]

norm_cfg = dict(type='BN')
model = dict(
    type='RankMatch',
    conf_thresh=0.2,
    loss_rank=dict(num_landmarks=8),
    data_preprocessor=dict(
        type='SemiDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type='ResNetV1c',
        depth=18,
        base_channels=8,
        stem_channels=8,
        out_indices=(0, 3),
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 2),
        norm_cfg=norm_cfg,
    ),
    decode_head=dict(
        type='DeepLabV3PlusHead',
        in_channels=64,
        in_index=-1,
        channels=16,
        c1_in_channels=8,
        c1_channels=8,
        num_classes=4,
        dropout_ratio=0.1,
        norm_cfg=norm_cfg,
        align_corners=True,
        loss_decode=dict(type='PixelCrossEntropyLoss'),
    ),
    test_cfg=dict(mode='whole'),
)

total_batch_size = 2
train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        labeled_list='splits/labeled.txt',
        metainfo=metainfo,
        labeled_pipeline=labeled_pipeline,
        unlabeled_pipeline=unlabeled_pipeline,
    ),
)
val_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict(metainfo=metainfo)
)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=2)
auto_scale_lr = dict(base_batch_size=2)
default_hooks = dict(logger=dict(interval=1))

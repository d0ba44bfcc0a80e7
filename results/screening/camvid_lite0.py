# CamVid at half resolution, EfficientNet-Lite0: python results/screening/run.py
# gives the method and its options.  Images and lists are written by run.py.
_base_ = '../../configs/_base_/default_runtime.py'
# fmt: off
custom_imports = dict(
    imports=['mmsemi', 'results.screening.trials'], allow_failed_imports=False)

data_root = '{{$SCREENING_DATA:data/screening}}/camvid'
crop_size = (160, 160)  # multiples of 32, as validation's 240 x 180 nearly are
transform_defaults = dict(RandomScaleCrop=dict(ratio_range=(0.5, 2.0)))
metainfo = dict(
    classes=(
        'sky', 'building', 'pole', 'road', 'pavement', 'tree', 'sign',
        'fence', 'car', 'pedestrian', 'bicyclist'),
    palette=[
        [128, 128, 128], [128, 0, 0], [192, 192, 128], [128, 64, 128],
        [60, 40, 222], [128, 128, 0], [192, 128, 128], [64, 64, 128],
        [64, 0, 128], [64, 64, 0], [0, 128, 192]])

labeled_pipeline = [
    dict(type='LoadSegImage'),
    dict(type='LoadSegMask'),
    dict(type='RandomScaleCrop'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackLabeled')
]
unlabeled_pipeline = [
    dict(type='LoadSegImage'),
    dict(type='MarkValid'),
    dict(type='RandomScaleCrop'),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='StrongViews',
        num_views=2,
        transforms=[
            dict(type='RandomColorJitter'),
            dict(type='RandomGray'),
            dict(type='RandomBlur')
        ]),
    dict(type='CutMixBoxes', num_views=2),
    dict(type='PackUnlabeled')
]
total_batch_size = 4
train_dataloader = dict(
    num_workers=0,
    drop_last=True,
    collate_fn=dict(type='mmsemi.stack_streams'),
    sampler=dict(type='SemiSampler', partner='in_batch'),
    dataset=dict(
        type='SemiSegDataset',
        data_root=data_root,
        labeled_list='labeled.txt',
        unlabeled_list='unlabeled.txt',
        metainfo=metainfo,
        labeled_pipeline=labeled_pipeline,
        unlabeled_pipeline=unlabeled_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ListSegDataset',
        data_root=data_root,
        ann_file='tuning.txt',
        metainfo=metainfo,
        test_mode=True,
        pipeline=[
            dict(type='LoadSegImage'),
            dict(type='LoadSegMask'),
            dict(type='PackSegInputs')
        ]))
test_dataloader = val_dataloader
val_evaluator = dict(type='ConfusionIoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator

norm_cfg = dict(type='BN')
backbone_norm_cfg = dict(type='BN', eps=1e-3, momentum=0.01)
model = dict(
    type='Supervised',
    data_preprocessor=dict(
        type='SemiDataPreprocessor',
        mean=[127.0] * 3,
        std=[128.0] * 3,
        bgr_to_rgb=True),
    backbone=dict(
        type='EfficientNetLite',
        arch='lite0',
        out_indices=(1, 4),
        output_stride=32,
        norm_cfg=backbone_norm_cfg,
        init_cfg=dict(
            type='PretrainedBackbone', checkpoint='efficientnet-lite://lite0')),
    decode_head=dict(
        type='DeepLabV3PlusHead',
        in_channels=320,
        in_index=-1,
        channels=96,
        c1_in_channels=24,
        c1_channels=24,
        dilations=(1, 3, 6),
        dropout_ratio=0,
        norm_cfg=norm_cfg,
        align_corners=False,
        num_classes=11,
        loss_decode=dict(type='PixelCrossEntropyLoss')),
    test_cfg=dict(mode='whole'))

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=10, val_interval=2)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='GroupedParamsConstructor',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.2))))
param_scheduler = dict(
    type='IterPolyLR',
    power=0.9,
    eta_min=0,
    by_epoch=True,
    convert_to_iter_based=True)
custom_hooks = [dict(type='EMATeacherHook', evaluate=True)]
default_hooks = dict(
    checkpoint=dict(
        type='WholeCheckpointHook', interval=1, max_keep_ckpts=1, save_best=None))
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='SegLocalVisualizer', vis_backends=vis_backends)

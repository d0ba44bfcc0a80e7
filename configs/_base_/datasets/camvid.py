# CamVid with 11 classes: 367 train, 101 val images of 480x360.
data_root = '{{$MMSEMI_DATA:data}}/camvid'
metainfo = dict(
    classes=(
        'sky', 'building', 'pole', 'road', 'pavement', 'tree', 'sign',
        'fence', 'car', 'pedestrian', 'bicyclist'),
    palette=[
        [128, 128, 128], [128, 0, 0], [192, 192, 128], [128, 64, 128],
        [60, 40, 222], [128, 128, 0], [192, 128, 128], [64, 64, 128],
        [64, 0, 128], [64, 64, 0], [0, 128, 192]])
crop_size = (321, 321)

labeled_pipeline = [
    dict(type='LoadSegImage'),
    dict(type='LoadSegMask'),
    dict(type='RandomScaleCrop', crop_size=crop_size, ratio_range=(0.5, 2.0)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackLabeled')
]
weak_pipeline = [
    dict(type='LoadSegImage'),
    dict(type='MarkValid'),
    dict(type='RandomScaleCrop', crop_size=crop_size, ratio_range=(0.5, 2.0)),
    dict(type='RandomFlip', prob=0.5)
]
one_view_pipeline = [
    *weak_pipeline,
    dict(type='StrongViews', num_views=1),
    dict(type='CutMixBoxes', num_views=1),
    dict(type='PackUnlabeled')
]
two_view_pipeline = [
    *weak_pipeline,
    dict(type='StrongViews', num_views=2),
    dict(type='CutMixBoxes', num_views=2),
    dict(type='PackUnlabeled')
]
val_pipeline = [
    dict(type='LoadSegImage'),
    dict(type='LoadSegMask'),
    dict(type='PackSegInputs')
]
test_pipeline = [  # of an image without a mask
    dict(type='LoadSegImage'),
    dict(type='PackSegInputs')
]

total_batch_size = 8  # of all processes together
train_dataloader = dict(
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    drop_last=True,
    collate_fn=dict(type='mmsemi.stack_streams'),
    sampler=dict(type='SemiSampler', partner='independent'),
    dataset=dict(
        type='SemiSegDataset',
        data_root=data_root,
        train_list='splits/train.txt',
        metainfo=metainfo,
        labeled_pipeline=labeled_pipeline,
        unlabeled_pipeline=two_view_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ListSegDataset',
        data_root=data_root,
        ann_file='splits/val.txt',
        metainfo=metainfo,
        test_mode=True,
        pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='ConfusionIoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator

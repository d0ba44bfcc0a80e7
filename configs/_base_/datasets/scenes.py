# The built-in painted scenes, made on first use: 320 train, 80 val images.
data_root = '{{$MMSEMI_DATA:data}}/scenes'
metainfo = dict(
    classes=(
        'sky', 'field', 'water', 'road', 'building', 'tree', 'car', 'animal'),
    palette=[
        [140, 200, 240], [190, 200, 90], [40, 90, 180], [130, 130, 135],
        [190, 90, 60], [30, 120, 50], [230, 200, 30], [200, 60, 160]])
crop_size = (64, 64)

labeled_pipeline = [
    dict(type='LoadSegImage'),
    dict(type='LoadSegMask'),
    dict(type='RandomScaleCrop', crop_size=crop_size, ratio_range=(0.5, 1.25)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackLabeled')
]
weak_pipeline = [
    dict(type='LoadSegImage'),
    dict(type='MarkValid'),
    dict(type='RandomScaleCrop', crop_size=crop_size, ratio_range=(0.5, 1.25)),
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
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    collate_fn=dict(type='mmsemi.stack_streams'),
    sampler=dict(type='SemiSampler', partner='independent'),
    dataset=dict(
        type='SemiSegDataset',
        data_root=data_root,
        prepare='mmsemi.ensure_scenes',
        train_list='splits/train.txt',
        metainfo=metainfo,
        labeled_pipeline=labeled_pipeline,
        unlabeled_pipeline=two_view_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ListSegDataset',
        data_root=data_root,
        prepare='mmsemi.ensure_scenes',
        ann_file='splits/val.txt',
        metainfo=metainfo,
        test_mode=True,
        pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='ConfusionIoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator

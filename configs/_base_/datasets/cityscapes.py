# Cityscapes, masks as trainIds: 2975 train, 500 val images of 2048x1024.
data_root = '{{$MMSEMI_DATA:data}}/cityscapes'
metainfo = dict(
    classes=(
        'road', 'sidewalk', 'building', 'wall', 'fence', 'pole',
        'traffic light', 'traffic sign', 'vegetation', 'terrain', 'sky',
        'person', 'rider', 'car', 'truck', 'bus', 'train', 'motorcycle',
        'bicycle'),
    palette=[
        [128, 64, 128], [244, 35, 232], [70, 70, 70], [102, 102, 156],
        [190, 153, 153], [153, 153, 153], [250, 170, 30], [220, 220, 0],
        [107, 142, 35], [152, 251, 152], [70, 130, 180], [220, 20, 60],
        [255, 0, 0], [0, 0, 142], [0, 0, 70], [0, 60, 100], [0, 80, 100],
        [0, 0, 230], [119, 11, 32]])
crop_size = (801, 801)

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

# COCO with 81 classes: background and the 80 things.
data_root = '{{$MMSEMI_DATA:data}}/coco'
metainfo = dict(
    classes=(
        'background', 'person', 'bicycle', 'car', 'motorcycle',
        'airplane', 'bus', 'train', 'truck', 'boat', 'traffic light',
        'fire hydrant', 'stop sign', 'parking meter', 'bench', 'bird',
        'cat', 'dog', 'horse', 'sheep', 'cow', 'elephant', 'bear',
        'zebra', 'giraffe', 'backpack', 'umbrella', 'handbag', 'tie',
        'suitcase', 'frisbee', 'skis', 'snowboard', 'sports ball',
        'kite', 'baseball bat', 'baseball glove', 'skateboard',
        'surfboard', 'tennis racket', 'bottle', 'wine glass', 'cup',
        'fork', 'knife', 'spoon', 'bowl', 'banana', 'apple', 'sandwich',
        'orange', 'broccoli', 'carrot', 'hot dog', 'pizza', 'donut',
        'cake', 'chair', 'couch', 'potted plant', 'bed', 'dining table',
        'toilet', 'tv', 'laptop', 'mouse', 'remote', 'keyboard',
        'cell phone', 'microwave', 'oven', 'toaster', 'sink',
        'refrigerator', 'book', 'clock', 'vase', 'scissors',
        'teddy bear', 'hair drier', 'toothbrush'),
    palette=[
        [0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128],
        [128, 0, 128], [0, 128, 128], [128, 128, 128], [64, 0, 0],
        [192, 0, 0], [64, 128, 0], [192, 128, 0], [64, 0, 128],
        [192, 0, 128], [64, 128, 128], [192, 128, 128], [0, 64, 0],
        [128, 64, 0], [0, 192, 0], [128, 192, 0], [0, 64, 128],
        [128, 64, 128], [0, 192, 128], [128, 192, 128], [64, 64, 0],
        [192, 64, 0], [64, 192, 0], [192, 192, 0], [64, 64, 128],
        [192, 64, 128], [64, 192, 128], [192, 192, 128], [0, 0, 64],
        [128, 0, 64], [0, 128, 64], [128, 128, 64], [0, 0, 192],
        [128, 0, 192], [0, 128, 192], [128, 128, 192], [64, 0, 64],
        [192, 0, 64], [64, 128, 64], [192, 128, 64], [64, 0, 192],
        [192, 0, 192], [64, 128, 192], [192, 128, 192], [0, 64, 64],
        [128, 64, 64], [0, 192, 64], [128, 192, 64], [0, 64, 192],
        [128, 64, 192], [0, 192, 192], [128, 192, 192], [64, 64, 64],
        [192, 64, 64], [64, 192, 64], [192, 192, 64], [64, 64, 192],
        [192, 64, 192], [64, 192, 192], [192, 192, 192], [32, 0, 0],
        [160, 0, 0], [32, 128, 0], [160, 128, 0], [32, 0, 128],
        [160, 0, 128], [32, 128, 128], [160, 128, 128], [96, 0, 0],
        [224, 0, 0], [96, 128, 0], [224, 128, 0], [96, 0, 128],
        [224, 0, 128], [96, 128, 128], [224, 128, 128], [32, 64, 0]])
crop_size = (513, 513)

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

# Pipelines, loaders and evaluators of all data sets.  The file of a data set
# adds its classes, folder, lists and crop.
#
# `crop_size`, a number or (height, width), sets the crop of every pipeline
# without one of its own, and the windows of an evaluation in windows:
# docs/configs.md.

# `strong_view = dict(brightness=0.1, hue=0, ...)` says what strong views may change
# in a data set, and how far; unset, they are as released.
#
# Default arguments of transforms, by type.
transform_defaults = dict(RandomScaleCrop=dict(ratio_range=(0.5, 2.0)))

labeled_pipeline = [
    dict(type='LoadSegImage'),
    dict(type='LoadSegMask'),
    dict(type='RandomScaleCrop'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackLabeled')
]
weak_pipeline = [
    dict(type='LoadSegImage'),
    dict(type='MarkValid'),
    dict(type='RandomScaleCrop'),
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
meanteacher_pipeline = [
    *weak_pipeline,
    dict(
        type='StrongViews',
        num_views=1,
        transforms=[
            dict(
                type='RandomColorJitter',
                brightness=0.4,
                contrast=0.4,
                saturation=0.4,
                hue=0.1),
            dict(type='RandomGray')
        ]),
    dict(type='ShareBoxes'),
    dict(type='PackUnlabeled')
]
augseg_pipeline = [
    *weak_pipeline,
    dict(
        type='StrongViews',
        num_views=1,
        transforms=[dict(type='RandomIntensity')]),
    dict(type='CenteredBoxes'),
    dict(type='PackUnlabeled')
]
cps_pipeline = [  # no strong view
    *weak_pipeline,
    dict(type='ShareBoxes', num_views=3, area=(0.25, 0.5)),
    dict(type='PackUnlabeled')
]
pseudo_pipeline = [  # self-training; pseudo-labels are class indices
    dict(type='LoadSegImage'),
    dict(type='LoadSegMask', value_map=None),
    dict(type='RandomScaleCrop'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomColorJitter'),
    dict(type='RandomGray'),
    dict(type='RandomBlur'),
    dict(type='NoiseCutout'),
    dict(type='PackLabeled')
]
val_pipeline = [
    dict(type='LoadSegImage'),
    dict(type='LoadSegMask'),
    dict(type='PackSegInputs')
]
test_pipeline = [  # images without masks
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
        labeled_pipeline=labeled_pipeline,
        unlabeled_pipeline=two_view_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ListSegDataset', test_mode=True, pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='ConfusionIoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator

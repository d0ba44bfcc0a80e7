_base_ = './pascal.py'

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
train_dataloader = dict(
    dataset=dict(
        labeled_pipeline=labeled_pipeline,
        unlabeled_pipeline=two_view_pipeline))

_base_ = './st_pascal.py'

crop_size = (513, 513)
geometry = [
    dict(
        type='RandomScaleCrop',
        crop_size=crop_size,
        ratio_range=(0.5, 2.0),
        base=400),
    dict(type='RandomFlip', prob=0.5)
]
labeled_pipeline = [
    dict(type='LoadSegImage'),
    dict(type='LoadSegMask'), *geometry,
    dict(type='PackLabeled')
]
pseudo_pipeline = [
    dict(type='LoadSegImage'),
    dict(type='LoadSegMask'), *geometry,
    dict(type='RandomColorJitter'),
    dict(type='RandomGray'),
    dict(type='RandomBlur'),
    dict(type='NoiseCutout'),
    dict(type='PackLabeled')
]

train_dataloader = dict(
    dataset=dict(
        labeled_pipeline=labeled_pipeline,
        unlabeled_pipeline=pseudo_pipeline))

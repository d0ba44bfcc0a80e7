# As ST augments.
_base_ = './coco.py'

crop_size = (513, 513)
geometry = [
    dict(type='RandomScaleCrop', crop_size=crop_size, ratio_range=(0.5, 2.0)),
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

total_batch_size = 16
train_dataloader = dict(
    sampler=dict(ratio=(1, 0)),
    dataset=dict(
        type='SelfTrainingDataset',
        labeled_pipeline=labeled_pipeline,
        unlabeled_pipeline=pseudo_pipeline))

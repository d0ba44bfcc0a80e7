# Self-training of the same small network: in every training as many steps as
# the other methods take, and as many images in a step.
_base_ = './camvid_r18.py'

runner_type = 'SelfTrainingRunner'
model = dict(type='Supervised')
pseudo_pipeline = [  # as ST augments
    dict(type='LoadSegImage'),
    dict(type='LoadSegMask'),
    dict(
        type='RandomScaleCrop',
        crop_size={{_base_.crop_size}},
        ratio_range=(0.25, 1.0)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomColorJitter'),
    dict(type='RandomGray'),
    dict(type='RandomBlur'),
    dict(type='NoiseCutout'),
    dict(type='PackLabeled')
]
total_batch_size = 8
train_dataloader = dict(
    sampler=dict(ratio=(1, 0)),
    dataset=dict(
        type='SelfTrainingDataset', unlabeled_pipeline=pseudo_pipeline))
auto_scale_lr = dict(base_batch_size=8)

# ST++ made of runs of tiny.py: it takes seconds.
_base_ = './tiny.py'

runner_type = 'SelfTrainingRunner'
self_training = dict(shares=(0.5, 1), scales=(0.5, 1))
model = dict(
    _delete_=True,
    type='Supervised',
    data_preprocessor=_base_.model.data_preprocessor,
    backbone=_base_.model.backbone,
    # Initial predictions of many classes, so that tests can tell labels apart.
    decode_head=dict(
        _base_.model.decode_head,
        init_cfg=dict(type='Normal', std=1, override=dict(name='conv_seg')),
    ),
    test_cfg=dict(mode='whole'),
)
train_dataloader = dict(
    sampler=dict(ratio=(1, 0)),
    dataset=dict(
        type='SelfTrainingDataset',
        unlabeled_pipeline=[
            dict(type='LoadSegImage'),
            dict(type='LoadSegMask'),
            *_base_.geometry,
            dict(type='RandomColorJitter'),
            dict(type='RandomGray'),
            dict(type='RandomBlur'),
            dict(type='NoiseCutout'),
            dict(type='PackLabeled'),
        ],
    ),
)
train_cfg = dict(max_epochs=3)
optim_wrapper = dict(
    optimizer=dict(lr=0.05),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1))),
)

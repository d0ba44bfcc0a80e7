# camvid_third.py with the colors of labeled images jittered, too.
_base_ = './camvid_third.py'

train_dataloader = dict(
    dataset=dict(
        labeled_pipeline=[
            dict(type='LoadSegImage'),
            dict(type='LoadSegMask'),
            dict(type='RandomScaleCrop'),
            dict(type='RandomFlip', prob=0.5),
            dict(type='RandomColorJitter'),
            dict(type='RandomGray'),
            dict(type='RandomBlur'),
            dict(type='PackLabeled'),
        ]
    )
)

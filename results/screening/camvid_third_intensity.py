# camvid_third.py with the strong views and boxes of AugSeg.
_base_ = './camvid_third.py'

train_dataloader = dict(
    dataset=dict(
        unlabeled_pipeline=[
            dict(type='LoadSegImage'),
            dict(type='MarkValid'),
            dict(type='RandomScaleCrop'),
            dict(type='RandomFlip', prob=0.5),
            dict(
                type='StrongViews',
                num_views=1,
                transforms=[dict(type='RandomIntensity')],
            ),
            dict(type='CenteredBoxes'),
            dict(type='PackUnlabeled'),
        ]
    )
)

# camvid_third.py with strong views that change the hue and blur less.
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
                num_views=2,
                transforms=[
                    dict(
                        type='RandomColorJitter',
                        brightness=0.4,
                        contrast=0.4,
                        saturation=0.4,
                        hue=0.05,
                    ),
                    dict(type='RandomBlur', sigma=(0.1, 0.7)),
                ],
            ),
            dict(type='CutMixBoxes', num_views=2),
            dict(type='PackUnlabeled'),
        ]
    )
)

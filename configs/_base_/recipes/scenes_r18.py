# Small enough to train from random weights in minutes on two CPU cores.
_base_ = [
    '../models/deeplabv3plus_r101.py', '../datasets/scenes.py',
    '../schedules/scenes.py', '../default_runtime.py'
]

model = dict(
    backbone=dict(
        depth=18,
        base_channels=16,
        stem_channels=16,
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        init_cfg=None),
    decode_head=dict(
        dilations=(1, 3, 6, 9),
        in_channels=128,
        channels=48,
        c1_in_channels=16,
        c1_channels=16,
        num_classes=8))

# Small enough to learn from nothing in minutes on two CPU cores.
_base_ = [
    '../models/deeplabv3plus_r101.py', '../datasets/scenes.py',
    '../schedules/scenes.py', '../default_runtime.py'
]

model = dict(
    backbone=dict(
        depth=18, base_channels=32, stem_channels=32, init_cfg=None),
    decode_head=dict(
        in_channels=256,
        channels=64,
        c1_in_channels=32,
        c1_channels=16,
        num_classes=8))

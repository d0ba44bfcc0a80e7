_base_ = [
    '../models/deeplabv3plus_r101.py', '../datasets/cityscapes.py',
    '../schedules/cityscapes.py', '../default_runtime.py'
]

model = dict(
    decode_head=dict(
        num_classes=19,
        loss_decode=dict(
            type='PixelOHEMLoss', thresh=0.7, min_kept=200000)),
    # As released: truncated windows of the crop, probabilities summed.
    test_cfg=dict(mode='windows'))

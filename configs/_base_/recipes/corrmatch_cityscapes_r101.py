# The initial threshold is Pascal's: none is released for Cityscapes.
_base_ = [
    '../models/corrmatch_deeplabv3plus_r101.py', '../datasets/cityscapes.py',
    '../schedules/cityscapes.py', '../default_runtime.py'
]

model = dict(
    decode_head=dict(
        num_classes=19,
        loss_decode=dict(
            type='PixelOHEMLoss', thresh=0.7, min_kept=100000)),
    # As released: truncated windows of the crop, probabilities summed.
    test_cfg=dict(mode='windows'))
train_dataloader = dict(
    dataset=dict(unlabeled_pipeline={{_base_.one_view_pipeline}}))

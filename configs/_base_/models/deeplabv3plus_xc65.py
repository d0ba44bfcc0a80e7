# DeepLabV3+ as released, over Xception-65.  A method gives `type`, a recipe
# `num_classes`.
_base_ = './deeplabv3plus_r101.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='Xception65',
        norm_cfg=dict(type='BN', momentum=3e-4),
        init_cfg=dict(
            type='PretrainedBackbone', checkpoint='pretrained/xception.pth')))

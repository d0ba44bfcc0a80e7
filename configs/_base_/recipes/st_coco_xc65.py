# Xception-65 has no output stride 8.
_base_ = './st_coco_r101.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='Xception65',
        norm_cfg=dict(type='BN', momentum=3e-4),
        init_cfg=dict(
            type='PretrainedBackbone', checkpoint='pretrained/xception.pth')),
    decode_head=dict(dilations=(1, 6, 12, 18)))

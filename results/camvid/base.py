# The benchmark on CamVid at a third of its size (third.py writes it), with
# EfficientNet-Lite0: short trainings for one core of a CPU.  results/README.md
# says how these settings were found.
_base_ = [
    '../../configs/_base_/datasets/camvid.py',
    '../../configs/_base_/schedules/sgd_poly.py',
    '../../configs/_base_/default_runtime.py',
]
custom_imports = dict(
    imports=['mmsemi', 'mmsemi.utils.stock', 'results.camvid.channels_last'],
    allow_failed_imports=False,
)

data_root = '{{$MMSEMI_DATA:data}}/camvid_third'
crop_size = 96
total_batch_size = 8
train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    pin_memory=False,
    sampler=dict(partner='in_batch', infinite=True),
    dataset=dict(data_root=data_root),
)
val_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict(data_root=data_root)
)
test_dataloader = val_dataloader

norm_cfg = dict(type='BN')
model = dict(
    data_preprocessor=dict(
        type='SemiDataPreprocessor', mean=[127.0] * 3, std=[128.0] * 3, bgr_to_rgb=True
    ),
    backbone=dict(
        type='EfficientNetLite',
        arch='lite0',
        out_indices=(1, 4),
        output_stride=32,
        init_cfg=dict(
            type='PretrainedBackbone', checkpoint='efficientnet-lite://lite0'
        ),
    ),
    decode_head=dict(
        type='DeepLabV3PlusHead',
        in_channels=320,
        in_index=-1,
        channels=96,
        c1_in_channels=24,
        c1_channels=24,
        dilations=(1, 3, 6),
        dropout_ratio=0,
        norm_cfg=norm_cfg,
        align_corners=False,
        num_classes=11,
        loss_decode=dict(type='PixelCrossEntropyLoss'),
    ),
    test_cfg=dict(mode='whole'),
)

train_cfg = dict(
    _delete_=True, type='IterBasedTrainLoop', max_iters=2000, val_interval=500
)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=2e-3, weight_decay=0.01, fused=True),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.2))),
)
auto_scale_lr = dict(enable=False)
default_hooks = dict(checkpoint=dict(interval=500, max_keep_ckpts=1, save_best=None))
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(vis_backends=vis_backends)
custom_hooks = [dict(type='ChannelsLastHook', priority='HIGHEST')]

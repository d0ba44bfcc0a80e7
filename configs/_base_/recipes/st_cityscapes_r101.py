_base_ = [
    '../models/st_deeplabv3plus_r101.py', '../datasets/st_cityscapes.py',
    '../schedules/cityscapes.py', '../default_runtime.py'
]

runner_type = 'SelfTrainingRunner'
model = dict(decode_head=dict(num_classes=19))
optim_wrapper = dict(
    optimizer=dict(lr=0.04),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))))
auto_scale_lr = dict(base_batch_size=16)

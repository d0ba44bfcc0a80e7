# ST's crop; it scales the long side to 0.5 to 2 times 2048 pixels.
_base_ = [
    '../models/st_deeplabv3plus_r101.py', '../datasets/cityscapes.py',
    '../schedules/cityscapes.py', '../default_runtime.py'
]

crop_size = 721
transform_defaults = dict(RandomScaleCrop=dict(base=2048))
runner_type = 'SelfTrainingRunner'
model = dict(decode_head=dict(num_classes=19))
optim_wrapper = dict(
    optimizer=dict(lr=0.04),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))))
total_batch_size = 16  # labeled and pseudo-labeled images
train_dataloader = dict(
    sampler=dict(ratio=(1, 0)),
    dataset=dict(
        type='SelfTrainingDataset',
        unlabeled_pipeline={{_base_.pseudo_pipeline}}))
auto_scale_lr = dict(base_batch_size=16)

# A small network, trained from random weights on a CPU: for comparisons of
# methods, not for published scores.
_base_ = [
    '../models/deeplabv3plus_r101.py', '../datasets/camvid.py',
    '../schedules/sgd_poly.py', '../default_runtime.py'
]

model = dict(
    backbone=dict(
        depth=18, base_channels=16, stem_channels=32, init_cfg=None),
    decode_head=dict(
        in_channels=128,
        channels=64,
        c1_in_channels=16,
        c1_channels=16,
        num_classes=11))

# Half the resolution of the other CamVid recipes.
crop_size = 161
transform_defaults = dict(RandomScaleCrop=dict(ratio_range=(0.25, 1.0)))
total_batch_size = 4
train_dataloader = dict(num_workers=1)
val_dataloader = dict(num_workers=1)
test_dataloader = val_dataloader

train_cfg = dict(max_epochs=6, val_interval=3)
optim_wrapper = dict(
    optimizer=dict(lr=0.05),  # from random weights: one lr for all
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1))))
auto_scale_lr = dict(base_batch_size=4)

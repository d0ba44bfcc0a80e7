# CutMix-Seg with DeepLabV2 as published: images of half the size, crop 256x512, 4
# labeled and 4 mixed images a step, lr 3e-5 (backbone 3e-6).  Scores are those of
# predictions resized to the masks.
_base_ = [
    '../models/st_deeplabv3plus_r101.py', '../datasets/cityscapes.py',
    '../schedules/cutmix_seg.py', '../default_runtime.py'
]

crop_size = (256, 512)
transform_defaults = dict(RandomScaleCrop=dict(ratio_range=(0.25, 0.75)))
model = dict(
    type='MeanTeacher',
    conf_thresh=0.97,
    backbone=dict(norm_eval=True),
    decode_head=dict(
        _delete_=True,
        type='DeepLabV2Head',
        in_channels=2048,
        num_classes=19,
        align_corners=True,
        loss_decode=dict(type='PixelCrossEntropyLoss')))
custom_hooks = [
    dict(
        type='EMATeacherHook', max_decay=0.99, warmup=False, evaluate=True)
]
total_batch_size = 4
auto_scale_lr = dict(base_batch_size=4)
train_dataloader = dict(
    dataset=dict(unlabeled_pipeline={{_base_.meanteacher_pipeline}}))
optim_wrapper = dict(optimizer=dict(lr=3e-5))
val_pipeline = [
    dict(type='LoadSegImage'),
    dict(type='Resize', scale=(1024, 512)),
    dict(type='LoadSegMask'),
    dict(type='PackSegInputs')
]
test_pipeline = [
    dict(type='LoadSegImage'),
    dict(type='Resize', scale=(1024, 512)),
    dict(type='PackSegInputs')
]
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader

# CutMix-Seg with DeepLabV3+ as published: crop 321, 10 labeled and 10 mixed images a
# step, lr 1e-5 (backbone 1e-6).  There, BatchNorm is frozen in the head, too.
_base_ = [
    '../models/deeplabv3plus_r101.py', '../datasets/pascal.py',
    '../schedules/cutmix_seg.py', '../default_runtime.py'
]

transform_defaults = dict(RandomScaleCrop=dict(ratio_range=(0.5, 1.5)))
model = dict(
    type='MeanTeacher',
    conf_thresh=0.97,
    backbone=dict(norm_eval=True),
    decode_head=dict(num_classes=21))
custom_hooks = [
    dict(
        type='EMATeacherHook', max_decay=0.99, warmup=False, evaluate=True)
]
total_batch_size = 10
auto_scale_lr = dict(base_batch_size=10)
train_dataloader = dict(
    dataset=dict(unlabeled_pipeline={{_base_.meanteacher_pipeline}}))

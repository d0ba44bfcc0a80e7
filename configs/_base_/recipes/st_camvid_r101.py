_base_ = [
    '../models/st_deeplabv3plus_r101.py', '../datasets/camvid.py',
    '../schedules/camvid.py', '../default_runtime.py'
]

runner_type = 'SelfTrainingRunner'
model = dict(decode_head=dict(num_classes=11))
total_batch_size = 16  # labeled and pseudo-labeled images
train_dataloader = dict(
    sampler=dict(ratio=(1, 0)),
    dataset=dict(
        type='SelfTrainingDataset',
        unlabeled_pipeline={{_base_.pseudo_pipeline}}))
auto_scale_lr = dict(base_batch_size=16)

# ST scales the long side to 0.5 to 2 times 400 pixels, whatever the image.
_base_ = [
    '../models/st_deeplabv3plus_r101.py', '../datasets/pascal.py',
    '../schedules/pascal.py', '../default_runtime.py'
]

transform_defaults = dict(RandomScaleCrop=dict(base=400))
runner_type = 'SelfTrainingRunner'
model = dict(decode_head=dict(num_classes=21))
total_batch_size = 16  # labeled and pseudo-labeled images
train_dataloader = dict(
    sampler=dict(ratio=(1, 0)),
    dataset=dict(
        type='SelfTrainingDataset',
        unlabeled_pipeline={{_base_.pseudo_pipeline}}))
auto_scale_lr = dict(base_batch_size=16)

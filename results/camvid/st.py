# ST, from ImageNet weights: 200 epochs of 5 steps with the 45 labels of 1/8, then 44 of
# 45 steps with all images.
_base_ = './base.py'

runner_type = 'SelfTrainingRunner'
model = dict(type='Supervised')
self_training = dict(shares=(1,), supervised_epochs=200)
train_cfg = dict(
    _delete_=True, type='EpochBasedTrainLoop', max_epochs=44, val_interval=11
)
train_dataloader = dict(
    sampler=dict(ratio=(1, 0), infinite=False),
    dataset=dict(
        type='SelfTrainingDataset', unlabeled_pipeline={{_base_.pseudo_pipeline}}
    ),
)
default_hooks = dict(checkpoint=dict(interval=11, save_best='mIoU'))

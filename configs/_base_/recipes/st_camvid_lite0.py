# Self-training. A step has as many images as those of the other methods.
_base_ = './camvid_lite0.py'

runner_type = 'SelfTrainingRunner'
model = dict(type='Supervised')
# With 45 labels (1/8), as many steps as the trainings of the other methods.
self_training = dict(supervised_epochs=145)
total_batch_size = 8
train_dataloader = dict(
    sampler=dict(ratio=(1, 0)),
    dataset=dict(
        type='SelfTrainingDataset',
        unlabeled_pipeline={{_base_.pseudo_pipeline}}))
auto_scale_lr = dict(base_batch_size=8)

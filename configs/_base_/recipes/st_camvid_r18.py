# Self-training of the same small network. Each training has as many steps, and
# as many images in a step, as the other methods.
_base_ = './camvid_r18.py'

runner_type = 'SelfTrainingRunner'
model = dict(type='Supervised')
total_batch_size = 8
train_dataloader = dict(
    sampler=dict(ratio=(1, 0)),
    dataset=dict(
        type='SelfTrainingDataset',
        unlabeled_pipeline={{_base_.pseudo_pipeline}}))
auto_scale_lr = dict(base_batch_size=8)

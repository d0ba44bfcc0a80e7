# By epochs, after which models may be kept: 50 of 40 steps with the 45 labels of 1/8.
_base_ = './base.py'

model = dict(type='PrevMatch', conf_thresh=0.95, prev_conf_thresh=0.9)
custom_hooks = [
    dict(type='ChannelsLastHook', priority='HIGHEST'),
    dict(type='PreviousModelsHook', max_models=8),
]
train_cfg = dict(
    _delete_=True, type='EpochBasedTrainLoop', max_epochs=50, val_interval=5
)
train_dataloader = dict(sampler=dict(infinite=False))
default_hooks = dict(checkpoint=dict(interval=5))

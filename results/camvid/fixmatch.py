_base_ = './base.py'

model = dict(type='FixMatch', conf_thresh=0.95, guidance='ema')
custom_hooks = [
    dict(type='ChannelsLastHook', priority='HIGHEST'),
    dict(type='EMATeacherHook', max_decay=0.99, evaluate=True),
]
train_dataloader = dict(dataset=dict(unlabeled_pipeline={{_base_.one_view_pipeline}}))

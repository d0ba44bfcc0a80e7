_base_ = './base.py'

model = dict(type='MeanTeacher', conf_thresh=0.97)
custom_hooks = [
    dict(type='ChannelsLastHook', priority='HIGHEST'),
    dict(type='EMATeacherHook', max_decay=0.99, warmup=False, evaluate=True),
]
train_dataloader = dict(
    dataset=dict(unlabeled_pipeline={{_base_.meanteacher_pipeline}})
)

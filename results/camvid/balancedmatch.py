_base_ = './base.py'

model = dict(type='BalancedMatch', conf_thresh=0.95)
custom_hooks = [
    dict(type='ChannelsLastHook', priority='HIGHEST'),
    dict(type='EMATeacherHook', max_decay=0.99, evaluate=True),
]

# FixMatch with an EMA teacher, whose unlabeled loss weighs the classes as the
# supervised loss does.
_base_ = './base.py'

custom_imports = dict(
    imports=[
        'mmsemi',
        'mmsemi.utils.stock',
        'results.camvid.channels_last',
        'results.screening.trials',
    ],
    allow_failed_imports=False,
)
model = dict(type='Recipe', conf_thresh=0.95, weighted=True)
custom_hooks = [
    dict(type='ChannelsLastHook', priority='HIGHEST'),
    dict(type='EMATeacherHook', max_decay=0.99, evaluate=True),
]
train_dataloader = dict(dataset=dict(unlabeled_pipeline={{_base_.one_view_pipeline}}))

# CamVid at a third of its resolution, 160x120: python results/screening/run.py
# gives the lists, the method and its options.
_base_ = './camvid_lite0.py'

custom_imports = dict(
    imports=['mmsemi', 'results.screening.trials', 'results.camvid.channels_last'],
    allow_failed_imports=False,
)

data_root = '{{$SCREENING_DATA:data/screening}}/camvid_third'
crop_size = (96, 96)
train_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        labeled_list='labeled_1_16.txt',
        unlabeled_list='unlabeled_1_16.txt',
    )
)
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
optim_wrapper = dict(optimizer=dict(lr=3e-3))
train_cfg = dict(max_epochs=14, val_interval=2)
model = dict(
    decode_head=dict(
        loss_decode=dict(
            # The square root of median frequency / frequency, 1/16 split.
            class_weight=[0.46, 0.44, 1.8, 0.33, 1.0, 0.58, 1.73, 4.1, 0.77, 2.86, 5.2]
        )
    )
)
custom_hooks = [
    dict(type='ChannelsLastHook', priority='HIGHEST'),
    dict(type='EMATeacherHook', evaluate=True, max_decay=0.99),
]
# 8 labeled and 8 unlabeled images a step; the latter with one strong view.

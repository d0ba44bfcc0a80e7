# SGD, lr * (1 - iter / iters) ** 0.9 at every iteration, weight decay on all
# parameters.  The lr is given for `base_batch_size` samples (a labeled and an
# unlabeled image each) and scaled with the total batch.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=80)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    constructor='GroupedParamsConstructor',
    optimizer=dict(
        type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4, fused=True),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))))
param_scheduler = dict(
    type='IterPolyLR',
    power=0.9,
    eta_min=0,
    by_epoch=True,
    convert_to_iter_based=True)
auto_scale_lr = dict(enable=True, base_batch_size=8)

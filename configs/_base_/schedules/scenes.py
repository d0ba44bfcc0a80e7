_base_ = './sgd_poly.py'

train_cfg = dict(max_epochs=18, val_interval=6)
optim_wrapper = dict(  # from random weights, in a few hundred updates
    optimizer=dict(
        _delete_=True, type='AdamW', lr=2e-3, weight_decay=0.01, fused=True),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1))))

_base_ = './sgd_poly.py'

train_cfg = dict(max_epochs=240)
optim_wrapper = dict(
    optimizer=dict(lr=0.005),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1))))

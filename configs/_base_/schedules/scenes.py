_base_ = './sgd_poly.py'

train_cfg = dict(max_epochs=18, val_interval=6)
optim_wrapper = dict(
    optimizer=dict(lr=0.1),  # from random weights, one lr for all
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1))))

# A small network learns more from AdamW in few steps.
_base_ = './sgd_poly.py'

optim_wrapper = dict(
    optimizer=dict(
        _delete_=True, type='AdamW', lr=1e-3, weight_decay=0.01, fused=True),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.2))))
auto_scale_lr = dict(base_batch_size=4)

# AdamW as UniMatch V2: lr 5e-6 for the encoder and 40 times that for the head, for
# 16 samples (8 on Cityscapes and ADE20K) a step.
_base_ = './sgd_poly.py'

optim_wrapper = dict(
    optimizer=dict(
        _delete_=True, type='AdamW', lr=2e-4, weight_decay=0.01, fused=True),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.025))))
param_scheduler = dict(late=1)  # as released: the second step has the full lr, too
auto_scale_lr = dict(base_batch_size=16)

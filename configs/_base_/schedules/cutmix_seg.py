# Adam without a schedule, the backbone at a tenth of the lr, 40000 steps.
_base_ = './sgd_poly.py'

train_cfg = dict(
    _delete_=True,
    type='IterBasedTrainLoop',
    max_iters=40000,
    val_interval=1000)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='Adam', lr=1e-5, fused=True))
param_scheduler = None

# The supervised training that every method starts from.
_base_ = './base.py'

model = dict(type='Supervised')
train_dataloader = dict(sampler=dict(ratio=(1, 0)))
train_cfg = dict(max_iters=1000, val_interval=1000)
optim_wrapper = dict(optimizer=dict(lr=3e-3))

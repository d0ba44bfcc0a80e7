_base_ = './base.py'

model = dict(type='Supervised')
train_dataloader = dict(sampler=dict(ratio=(1, 0)))

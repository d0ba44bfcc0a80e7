_base_ = './base.py'

model = dict(type='CPS', cps_weight=1)
train_dataloader = dict(dataset=dict(unlabeled_pipeline={{_base_.cps_pipeline}}))

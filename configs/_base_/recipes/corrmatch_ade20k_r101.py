_base_ = [
    '../models/corrmatch_deeplabv3plus_r101.py', '../datasets/ade20k.py',
    '../schedules/ade20k.py', '../default_runtime.py'
]

model = dict(decode_head=dict(num_classes=150))
train_dataloader = dict(
    dataset=dict(unlabeled_pipeline={{_base_.one_view_pipeline}}))

_base_ = [
    '../models/corrmatch_deeplabv3plus_r101.py', '../datasets/camvid.py',
    '../schedules/camvid.py', '../default_runtime.py'
]

model = dict(decode_head=dict(num_classes=11))
train_dataloader = dict(
    dataset=dict(unlabeled_pipeline={{_base_.one_view_pipeline}}))

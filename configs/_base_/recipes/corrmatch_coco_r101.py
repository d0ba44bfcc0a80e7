_base_ = [
    '../models/corrmatch_deeplabv3plus_r101.py', '../datasets/coco.py',
    '../schedules/coco.py', '../default_runtime.py'
]

model = dict(decode_head=dict(num_classes=81))
train_dataloader = dict(
    dataset=dict(unlabeled_pipeline={{_base_.one_view_pipeline}}))

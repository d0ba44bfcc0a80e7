# The lr is that of four processes with 4 labeled and 4 unlabeled images each.
_base_ = [
    '../models/corrmatch_deeplabv3plus_r101.py', '../datasets/pascal.py',
    '../schedules/pascal.py', '../default_runtime.py'
]

model = dict(decode_head=dict(num_classes=21))
train_dataloader = dict(
    dataset=dict(unlabeled_pipeline={{_base_.one_view_pipeline}}))
total_batch_size = 16
auto_scale_lr = dict(base_batch_size=16)

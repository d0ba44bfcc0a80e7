# The lr belongs to four processes of 4 + 4 images.
_base_ = [
    '../models/corrmatch_deeplabv3plus_r101.py',
    '../datasets/pascal_513x513.py', '../schedules/pascal.py',
    '../default_runtime.py'
]

model = dict(decode_head=dict(num_classes=21))
train_dataloader = dict(
    dataset=dict(unlabeled_pipeline={{_base_.one_view_pipeline}}))
total_batch_size = 16
auto_scale_lr = dict(base_batch_size=16)

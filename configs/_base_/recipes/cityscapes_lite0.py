# For a CPU: see camvid_lite0.py.
_base_ = [
    '../models/deeplabv3plus_lite0.py', '../datasets/cityscapes.py',
    '../schedules/lite0.py', '../default_runtime.py'
]

model = dict(decode_head=dict(num_classes=19))

crop_size = 225
total_batch_size = 4
train_dataloader = dict(num_workers=1)
val_dataloader = dict(num_workers=1)
test_dataloader = val_dataloader

train_cfg = dict(max_epochs=14, val_interval=2)

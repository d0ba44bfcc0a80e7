_base_ = [
    '../models/st_deeplabv3plus_r101.py', '../datasets/st_camvid.py',
    '../schedules/camvid.py', '../default_runtime.py'
]

runner_type = 'SelfTrainingRunner'
model = dict(decode_head=dict(num_classes=11))
auto_scale_lr = dict(base_batch_size=16)

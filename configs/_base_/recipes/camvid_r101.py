_base_ = [
    '../models/deeplabv3plus_r101.py', '../datasets/camvid.py',
    '../schedules/camvid.py', '../default_runtime.py'
]

model = dict(decode_head=dict(num_classes=11))

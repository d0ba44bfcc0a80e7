_base_ = [
    '../models/deeplabv3plus_r101.py', '../datasets/pascal.py',
    '../schedules/pascal.py', '../default_runtime.py'
]

model = dict(decode_head=dict(num_classes=21))

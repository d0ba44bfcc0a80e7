_base_ = [
    '../models/deeplabv3plus_r101.py', '../datasets/pascal_513x513.py',
    '../schedules/pascal.py', '../default_runtime.py'
]

model = dict(decode_head=dict(num_classes=21))

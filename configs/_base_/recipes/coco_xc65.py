_base_ = [
    '../models/deeplabv3plus_xc65.py', '../datasets/coco.py',
    '../schedules/coco.py', '../default_runtime.py'
]

model = dict(decode_head=dict(num_classes=81))

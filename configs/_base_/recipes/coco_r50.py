_base_ = './coco_r101.py'

model = dict(
    backbone=dict(
        depth=50, init_cfg=dict(checkpoint='pretrained/resnet50.pth')))

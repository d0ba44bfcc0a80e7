_base_ = './st_pascal_r101_513x513.py'

model = dict(
    backbone=dict(
        depth=50,
        init_cfg=dict(checkpoint='pretrained/resnet50_torchvision.pth')))

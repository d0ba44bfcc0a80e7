_base_ = './st_ade20k_r101.py'

model = dict(
    backbone=dict(
        depth=50,
        init_cfg=dict(checkpoint='pretrained/resnet50_torchvision.pth')))

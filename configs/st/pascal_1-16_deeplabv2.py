# python tools/train.py configs/st/pascal_1-16_deeplabv2.py
# The whole network starts from the released COCO weights and has the learning
# rate of the backbone.
_base_ = './pascal_1-16.py'

coco = 'pretrained/deeplabv2_resnet101_coco_pretrained.pth'
model = dict(
    backbone=dict(init_cfg=dict(checkpoint=coco)),
    decode_head=dict(
        _delete_=True,
        type='DeepLabV2Head',
        in_channels=2048,
        num_classes=21,
        align_corners=True,
        loss_decode=dict(type='PixelCrossEntropyLoss'),
        init_cfg=dict(type='PretrainedHead', checkpoint=coco)))
optim_wrapper = dict(
    optimizer=dict(lr=0.001),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1))))

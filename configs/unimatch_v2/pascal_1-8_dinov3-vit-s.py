# python tools/train.py configs/unimatch_v2/pascal_1-8_dinov3-vit-s.py
# UniMatch V2 on a vision transformer of DINOv3, by timm (pip install timm), as on
# any other of timm.  timm downloads the weights.  Their licence is not an open one:
# read the DINOv3 License of Meta before use.
_base_ = '../_base_/recipes/pascal_dinov2-s.py'

model = dict(
    type='UniMatchV2',
    conf_thresh=0.95,
    backbone=dict(
        _delete_=True,
        type='mmpretrain.TIMMBackbone',
        model_name='vit_small_patch16_dinov3.lvd1689m',
        features_only=True,
        pretrained=True,
        out_indices=(2, 5, 8, 11)),
    test_cfg=dict(multiple=16))
crop_size = 512  # a multiple of the patch, 16
custom_hooks = [dict(type='EMATeacherHook', evaluate=True)]
train_dataloader = dict(dataset=dict(labeled_list='splits/183.txt'))

# python tools/train.py configs/corrmatch/camvid_1-8_r18.py
_base_ = '../_base_/recipes/camvid_r18.py'

model = dict(
    type='CorrMatch',
    thresh_init=0.85,
    correlation=dict(in_channels=128, channels=64),
    backbone=dict(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)),
    decode_head=dict(dilations=(1, 12, 24, 36)))
train_dataloader = dict(
    dataset=dict(
        labeled_list='splits/1_8/labeled.txt',
        unlabeled_pipeline={{_base_.one_view_pipeline}}))

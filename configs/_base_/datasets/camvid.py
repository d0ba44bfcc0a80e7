# CamVid with 11 classes: 367 train, 101 val images of 480x360.
_base_ = './common.py'

data_root = '{{$MMSEMI_DATA:data}}/camvid'
metainfo = dict(
    classes=(
        'sky', 'building', 'pole', 'road', 'pavement', 'tree', 'sign',
        'fence', 'car', 'pedestrian', 'bicyclist'),
    palette=[
        [128, 128, 128], [128, 0, 0], [192, 192, 128], [128, 64, 128],
        [60, 40, 222], [128, 128, 0], [192, 128, 128], [64, 64, 128],
        [64, 0, 128], [64, 64, 0], [0, 128, 192]])
crop_size = 321

train_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        train_list='splits/train.txt',
        metainfo=metainfo))
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='splits/val.txt',
        metainfo=metainfo))
test_dataloader = val_dataloader

# Cityscapes, masks as trainIds: 2975 train, 500 val images of 2048x1024.
_base_ = './common.py'

data_root = '{{$MMSEMI_DATA:data}}/cityscapes'
metainfo = dict(
    classes=(
        'road', 'sidewalk', 'building', 'wall', 'fence', 'pole',
        'traffic light', 'traffic sign', 'vegetation', 'terrain', 'sky',
        'person', 'rider', 'car', 'truck', 'bus', 'train', 'motorcycle',
        'bicycle'),
    palette=[
        [128, 64, 128], [244, 35, 232], [70, 70, 70], [102, 102, 156],
        [190, 153, 153], [153, 153, 153], [250, 170, 30], [220, 220, 0],
        [107, 142, 35], [152, 251, 152], [70, 130, 180], [220, 20, 60],
        [255, 0, 0], [0, 0, 142], [0, 0, 70], [0, 60, 100], [0, 80, 100],
        [0, 0, 230], [119, 11, 32]])
crop_size = 801

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

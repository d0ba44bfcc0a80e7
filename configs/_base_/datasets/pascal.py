# Pascal VOC 2012 with the SBD augmentation: 10582 train, 1449 val images.
_base_ = './common.py'

data_root = '{{$MMSEMI_DATA:data}}/pascal'
metainfo = dict(
    classes=(
        'background', 'aeroplane', 'bicycle', 'bird', 'boat', 'bottle',
        'bus', 'car', 'cat', 'chair', 'cow', 'diningtable', 'dog',
        'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa',
        'train', 'tvmonitor'),
    palette=[
        [0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128],
        [128, 0, 128], [0, 128, 128], [128, 128, 128], [64, 0, 0],
        [192, 0, 0], [64, 128, 0], [192, 128, 0], [64, 0, 128],
        [192, 0, 128], [64, 128, 128], [192, 128, 128], [0, 64, 0],
        [128, 64, 0], [0, 192, 0], [128, 192, 0], [0, 64, 128]])
crop_size = 321

train_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        train_list='splits/train_aug.txt',
        metainfo=metainfo))
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='splits/val.txt',
        metainfo=metainfo))
test_dataloader = val_dataloader

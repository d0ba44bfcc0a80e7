# The built-in painted scenes, created on first use: 320 train, 80 val images.
_base_ = './common.py'

data_root = '{{$MMSEMI_DATA:data}}/scenes'
metainfo = dict(
    classes=(
        'sky', 'field', 'water', 'road', 'building', 'tree', 'car', 'animal'),
    palette=[
        [140, 200, 240], [190, 200, 90], [40, 90, 180], [130, 130, 135],
        [190, 90, 60], [30, 120, 50], [230, 200, 30], [200, 60, 160]])
crop_size = 64
transform_defaults = dict(RandomScaleCrop=dict(ratio_range=(0.5, 1.25)))

train_dataloader = dict(
    num_workers=1,
    pin_memory=False,
    dataset=dict(
        data_root=data_root,
        prepare='mmsemi.ensure_scenes',
        train_list='splits/train.txt',
        metainfo=metainfo))
val_dataloader = dict(
    num_workers=1,
    dataset=dict(
        data_root=data_root,
        prepare='mmsemi.ensure_scenes',
        ann_file='splits/val.txt',
        metainfo=metainfo))
test_dataloader = val_dataloader

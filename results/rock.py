# mmsemi sweep results/rock.py --jobs 1 --threads 1
# Micro-CT slices of rock, 7 of 707 labeled: network and schedules of camvid.py, and the
# strong views that `mmsemi init` proposes for these images.
_path = 'results/camvid'
methods = dict(
    Start=f'{_path}/start.py',
    Supervised=f'{_path}/supervised.py',
    FixMatch=f'{_path}/fixmatch.py',
    BalancedMatch=dict(config=f'{_path}/balancedmatch.py', origin='ours'),
    UniMatch=f'{_path}/unimatch.py',
    UniMatchReleasedViews=dict(
        config=f'{_path}/unimatch.py',
        cfg_options={
            'strong_view.brightness': 0.5,
            'strong_view.contrast': 0.5,
            'strong_view.blur': 0.5,
        },
    ),
)
splits = {'7': 'splits/7/labeled.txt'}
seeds = (2, 3, 4)
_metainfo = dict(
    classes=['class_0', 'class_1', 'class_2', 'class_3'],
    palette=[[0, 0, 0], [255, 128, 0], [128, 128, 128], [255, 255, 255]],
)
cfg_options = {
    **{
        f'{_loader}.dataset.{_key}': _value
        for _loader in ('train_dataloader', 'val_dataloader', 'test_dataloader')
        for _key, _value in dict(data_root='data/rock', metainfo=_metainfo).items()
    },
    'model.decode_head.num_classes': 4,
    'model.decode_head.loss_decode.class_weight': [0.87, 1.21, 0.3, 1.97],
    # Gray images, whose gray values tell the classes.
    'strong_view.brightness': 0.1,
    'strong_view.contrast': 0.25,
    'strong_view.saturation': 0,
    'strong_view.hue': 0,
    'strong_view.gray': 0,
    'strong_view.blur': 0,
}
start = 'Start'
baseline = 'Supervised'
csv = 'rock.csv'

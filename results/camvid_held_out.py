# python results/camvid/third.py data/camvid data/camvid_third
# mmsemi sweep results/camvid_held_out.py --jobs 1 --threads 1
# Five methods on CamVid at a third of its size, scored on train images of all
# drives that were held out, after a start of 1000 steps.
_path = 'results/camvid'
_weights = 'model.decode_head.loss_decode.class_weight'
methods = dict(
    Start=dict(
        config=f'{_path}/start.py',
        cfg_options={'train_cfg.max_iters': 1000, 'train_cfg.val_interval': 1000},
    ),
    Supervised=f'{_path}/supervised.py',
    FixMatch=f'{_path}/fixmatch.py',
    Weighted=dict(config=f'{_path}/weighted.py', origin='ours'),
    UniMatchV2=f'{_path}/unimatch_v2.py',
    AugSeg=f'{_path}/augseg.py',
)
# The class weights are those of camvid.py.
splits = {
    '8': {
        'labeled_list': 'splits/8/labeled.txt',
        _weights: [0.47, 0.47, 1.78, 0.35, 0.8, 0.59, 2.53, 4.44, 1.0, 2.41, 4.3],
    },
    '1/16': {
        'labeled_list': 'splits/1_16/labeled.txt',
        _weights: [0.46, 0.44, 1.8, 0.33, 1.0, 0.58, 1.73, 4.1, 0.77, 2.86, 5.2],
    },
}
seeds = (1, 2, 3)
cfg_options = {
    'train_dataloader.dataset.train_list': 'splits/kept.txt',
    'val_dataloader.dataset.ann_file': 'splits/held_out.txt',
}
start = 'Start'
baseline = 'Supervised'
csv = 'camvid_held_out.csv'

# python results/camvid/third.py data/camvid data/camvid_third
# mmsemi sweep results/camvid.py --jobs 1 --threads 1
# CamVid at a third of its size: 2000 steps of every method after a supervised start of
# 1000.  Seed 1 chose the settings, on images that are in no list here.
_path = 'results/camvid'
_weights = 'model.decode_head.loss_decode.class_weight'
methods = dict(
    Start=f'{_path}/start.py',
    Supervised=f'{_path}/supervised.py',
    FixMatch=f'{_path}/fixmatch.py',
    BalancedMatch=dict(config=f'{_path}/balancedmatch.py', origin='ours'),
    UniMatch=f'{_path}/unimatch.py',
)
# The weights of the classes in the supervised loss of every method: the square
# root of median frequency / frequency in the labeled images.
splits = {
    '1/16': {
        'labeled_list': 'splits/1_16/labeled.txt',
        _weights: [0.46, 0.44, 1.8, 0.33, 1.0, 0.58, 1.73, 4.1, 0.77, 2.86, 5.2],
    },
    '1/8': {
        'labeled_list': 'splits/1_8/labeled.txt',
        _weights: [0.49, 0.44, 1.91, 0.36, 1.0, 0.65, 1.89, 3.17, 0.82, 2.82, 3.99],
    },
    '1/4': {
        'labeled_list': 'splits/1_4/labeled.txt',
        _weights: [0.49, 0.44, 1.96, 0.36, 1.0, 0.64, 1.79, 2.23, 0.82, 2.7, 3.64],
    },
}
seeds = (2, 3, 4)
start = 'Start'
baseline = 'Supervised'
csv = 'camvid.csv'

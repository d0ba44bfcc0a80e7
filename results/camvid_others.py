# mmsemi sweep results/camvid_others.py --jobs 1 --threads 1
# One seed of the published methods that camvid.py leaves out, with 45 labels (1/8).
_base_ = './camvid.py'

_path = 'results/camvid'
_weights = 'model.decode_head.loss_decode.class_weight'
splits = {
    '_delete_': True,
    '1/8': {
        'labeled_list': 'splits/1_8/labeled.txt',
        _weights: [0.49, 0.44, 1.91, 0.36, 1.0, 0.65, 1.89, 3.17, 0.82, 2.82, 3.99],
    },
}
baseline = ''
seeds = (2,)
methods = dict(
    _delete_=True,
    Start=f'{_path}/start.py',
    RankMatch=f'{_path}/rankmatch.py',
    CorrMatch=f'{_path}/corrmatch.py',
    PrevMatch=f'{_path}/prevmatch.py',
    UniMatchV2=f'{_path}/unimatch_v2.py',
    AugSeg=f'{_path}/augseg.py',
    MeanTeacher=f'{_path}/meanteacher.py',
    # Their second network, and the networks of each round, start from ImageNet: with
    # as many steps as the start and the others together.
    CPS=dict(
        config=f'{_path}/cps.py', start='', cfg_options={'train_cfg.max_iters': 3000}
    ),
    ST=dict(config=f'{_path}/st.py', start=''),
    STpp=dict(config=f'{_path}/stpp.py', start=''),
)

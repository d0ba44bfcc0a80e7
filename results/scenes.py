# mmsemi sweep results/scenes.py
# Four methods on the built-in scenes: a tenth of the demo's training.
methods = dict(
    Supervised='demo/supervised_scenes',
    MeanTeacher='demo/meanteacher_scenes',
    RankMatch='demo/rankmatch_scenes',
    UniMatchV2='demo/unimatch_v2_scenes',
)
seeds = (0, 1, 2)
cfg_options = {'train_cfg.max_epochs': 2}
baseline = 'Supervised'
csv = 'scenes.csv'

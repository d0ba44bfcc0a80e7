# mmsemi sweep results/scenes.py
# Four methods on the built-in scenes, with a fifth of the demo's training: it shows
# how a sweep is read, and ranks nothing.
methods = dict(
    Supervised='demo/supervised_scenes',
    MeanTeacher='demo/meanteacher_scenes',
    RankMatch='demo/rankmatch_scenes',
    UniMatchV2='demo/unimatch_v2_scenes',
)
seeds = (0, 1, 2)
cfg_options = {'train_cfg.max_epochs': 4, 'train_cfg.val_interval': 2}
baseline = 'Supervised'
csv = 'scenes.csv'

# python tools/train.py configs/demo/rankmatch_scenes.py
_base_ = '../_base_/recipes/scenes_r18.py'

model = dict(
    type='RankMatch',
    conf_thresh=0.7,  # few predictions are confident in a short training
    loss_rank=dict(num_landmarks=32))  # of 8x8 positions
train_dataloader = dict(dataset=dict(labeled_list='splits/1_16.txt'))

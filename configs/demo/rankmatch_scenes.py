# python tools/train.py configs/demo/rankmatch_scenes.py
_base_ = '../_base_/recipes/scenes_r18.py'

model = dict(
    type='RankMatch',
    conf_thresh=0.7,  # few pixels get more confident in a short run
    loss_rank=dict(num_landmarks=32))  # the feature map has 8x8 positions
train_dataloader = dict(dataset=dict(labeled_list='splits/1_16.txt'))

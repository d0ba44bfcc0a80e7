# python tools/train.py configs/demo/rankmatch_scenes.py
_base_ = '../_base_/recipes/scenes_r18.py'

model = dict(type='RankMatch', conf_thresh=0.95, loss_rank=dict(num_landmarks=32))
train_dataloader = dict(dataset=dict(labeled_list='splits/1_16.txt'))

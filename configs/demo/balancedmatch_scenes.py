# python tools/train.py configs/demo/balancedmatch_scenes.py
_base_ = '../_base_/recipes/scenes_r18.py'

model = dict(type='BalancedMatch', conf_thresh=0.7)
custom_hooks = [dict(type='EMATeacherHook', max_decay=0.99, evaluate=True)]
train_dataloader = dict(
    sampler=dict(partner='in_batch'),
    dataset=dict(labeled_list='splits/1_16.txt'))

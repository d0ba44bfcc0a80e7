# python tools/train.py configs/demo/unimatch_v2_scenes.py
_base_ = '../_base_/recipes/scenes_r18.py'

model = dict(type='UniMatchV2', conf_thresh=0.7)
custom_hooks = [dict(type='EMATeacherHook', evaluate=True)]
train_dataloader = dict(
    sampler=dict(partner='in_batch'),
    dataset=dict(labeled_list='splits/1_16.txt'))

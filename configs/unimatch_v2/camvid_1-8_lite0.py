# python tools/train.py configs/unimatch_v2/camvid_1-8_lite0.py
_base_ = '../_base_/recipes/camvid_lite0.py'

model = dict(type='UniMatchV2', conf_thresh=0.95)
custom_hooks = [dict(type='EMATeacherHook', evaluate=True)]
train_dataloader = dict(
    sampler=dict(partner='in_batch'),
    dataset=dict(labeled_list='splits/1_8/labeled.txt'))

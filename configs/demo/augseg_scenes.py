# python tools/train.py configs/demo/augseg_scenes.py
_base_ = '../_base_/recipes/scenes_r18.py'

model = dict(type='AugSeg', conf_thresh=0.7)
custom_hooks = [dict(type='EMATeacherHook', max_decay=0.999, evaluate=True)]
train_dataloader = dict(
    dataset=dict(
        labeled_list='splits/1_16.txt',
        unlabeled_pipeline={{_base_.augseg_pipeline}}))

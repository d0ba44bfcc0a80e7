# python tools/train.py configs/augseg/camvid_1-8_lite0.py
_base_ = '../_base_/recipes/camvid_lite0.py'

model = dict(type='AugSeg', conf_thresh=0.95)
custom_hooks = [dict(type='EMATeacherHook', max_decay=0.999, evaluate=True)]
train_dataloader = dict(
    dataset=dict(
        labeled_list='splits/1_8/labeled.txt',
        unlabeled_pipeline={{_base_.augseg_pipeline}}))

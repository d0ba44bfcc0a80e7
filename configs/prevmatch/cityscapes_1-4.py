# python tools/train.py configs/prevmatch/cityscapes_1-4.py
_base_ = '../_base_/recipes/cityscapes_r101.py'

model = dict(
    type='PrevMatch',
    conf_thresh=0,
    prev_conf_thresh=0,
    prev_weighting='pixelavg')
custom_hooks = [dict(type='PreviousModelsHook', max_models=8)]
optim_wrapper = dict(type='AmpOptimWrapper')
train_dataloader = dict(dataset=dict(labeled_list='splits/1_4.txt'))

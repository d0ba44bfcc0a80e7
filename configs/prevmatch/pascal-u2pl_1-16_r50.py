# python tools/train.py configs/prevmatch/pascal-u2pl_1-16_r50.py
_base_ = '../_base_/recipes/pascal_r50.py'

model = dict(type='PrevMatch', conf_thresh=0.95, prev_conf_thresh=0.9)
custom_hooks = [dict(type='PreviousModelsHook', max_models=8)]
optim_wrapper = dict(type='AmpOptimWrapper')
train_dataloader = dict(dataset=dict(labeled_list='splits/u2pl_1_16.txt'))

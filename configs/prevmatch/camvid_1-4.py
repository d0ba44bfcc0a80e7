# python tools/train.py configs/prevmatch/camvid_1-4.py
_base_ = '../_base_/recipes/camvid_r101.py'

model = dict(type='PrevMatch', conf_thresh=0.95, prev_conf_thresh=0.9)
custom_hooks = [dict(type='PreviousModelsHook', max_models=8)]
optim_wrapper = dict(type='AmpOptimWrapper')
train_cfg = dict(val_interval=1)  # every epoch may give a model
train_dataloader = dict(dataset=dict(labeled_list='splits/1_4/labeled.txt'))

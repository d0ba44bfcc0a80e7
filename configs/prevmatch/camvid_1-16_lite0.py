# python tools/train.py configs/prevmatch/camvid_1-16_lite0.py
_base_ = '../_base_/recipes/camvid_lite0.py'

model = dict(type='PrevMatch', conf_thresh=0.95, prev_conf_thresh=0.9)
custom_hooks = [dict(type='PreviousModelsHook', max_models=8)]
train_cfg = dict(val_interval=1)  # each may add a model
train_dataloader = dict(dataset=dict(labeled_list='splits/1_16/labeled.txt'))

# python tools/train.py configs/prevmatch/coco_1-256_xc65.py
_base_ = '../_base_/recipes/coco_xc65.py'

model = dict(type='PrevMatch', conf_thresh=0.95, prev_conf_thresh=0.9)
custom_hooks = [dict(type='PreviousModelsHook', max_models=5, base_epochs=5)]
optim_wrapper = dict(type='AmpOptimWrapper')
train_dataloader = dict(dataset=dict(labeled_list='splits/1_256.txt'))

# python tools/train.py configs/unimatch/camvid_1-8_r50.py
_base_ = '../_base_/recipes/camvid_r50.py'

model = dict(type='UniMatch', conf_thresh=0.95)
train_dataloader = dict(dataset=dict(labeled_list='splits/1_8/labeled.txt'))

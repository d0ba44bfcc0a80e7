# python tools/train.py configs/rankmatch/camvid_1-8_r18.py
_base_ = '../_base_/recipes/camvid_r18.py'

model = dict(type='RankMatch', conf_thresh=0.95)
train_dataloader = dict(dataset=dict(labeled_list='splits/1_8/labeled.txt'))

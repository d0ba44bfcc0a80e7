# python tools/train.py configs/st/camvid_1-8.py
_base_ = '../_base_/recipes/st_camvid_r101.py'

self_training = dict(shares=(1, ))
train_dataloader = dict(dataset=dict(labeled_list='splits/1_8/labeled.txt'))

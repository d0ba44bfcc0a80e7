# python tools/train.py configs/corrmatch/camvid_1-4_r50.py
_base_ = '../_base_/recipes/corrmatch_camvid_r50.py'

train_dataloader = dict(dataset=dict(labeled_list='splits/1_4/labeled.txt'))

# python tools/train.py configs/supervised/camvid_1-8_lite0.py
_base_ = '../_base_/recipes/camvid_lite0.py'

model = dict(type='Supervised')
train_dataloader = dict(
    sampler=dict(ratio=(2, 0)),  # as many images and steps as other methods
    dataset=dict(labeled_list='splits/1_8/labeled.txt'))

# python tools/train.py configs/fixmatch/pascal-blended_1-8_r50_513x513.py
_base_ = '../_base_/recipes/pascal_r50_513x513.py'

model = dict(type='FixMatch', conf_thresh=0.95)
train_dataloader = dict(
    dataset=dict(
        labeled_list='splits/1_8.txt',
        unlabeled_pipeline={{_base_.one_view_pipeline}}))

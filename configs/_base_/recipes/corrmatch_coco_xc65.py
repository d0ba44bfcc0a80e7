# Xception-65 has no output stride 8.
_base_ = './coco_xc65.py'

model = dict(
    type='CorrMatch', thresh_init=0.85, correlation=dict(in_channels=2048))
train_dataloader = dict(
    dataset=dict(unlabeled_pipeline={{_base_.one_view_pipeline}}))

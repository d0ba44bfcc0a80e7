# As published: crop 513, 80 epochs, 16 labeled and 16 unlabeled images a step, lr
# 0.001 (head 0.01), the long side scaled to 0.5 to 2 times 500 pixels.  Padding is
# black here, the mean color there.
_base_ = './pascal_r101.py'

crop_size = 513
transform_defaults = dict(RandomScaleCrop=dict(base=500))
model = dict(type='AugSeg', conf_thresh=0.95)
custom_hooks = [dict(type='EMATeacherHook', max_decay=0.999, evaluate=True)]
total_batch_size = 16
auto_scale_lr = dict(base_batch_size=16)
train_dataloader = dict(
    dataset=dict(unlabeled_pipeline={{_base_.augseg_pipeline}}))

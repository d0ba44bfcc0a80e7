# As published: crop 800, 240 epochs, lr 0.01, every pseudo-label counts.  The batch,
# the sizes of OHEM and the evaluation in windows are UniMatch's.
_base_ = './cityscapes_r101.py'

crop_size = 800
model = dict(type='AugSeg', conf_thresh=0, weak_in_batch=False)
custom_hooks = [dict(type='EMATeacherHook', max_decay=0.996, evaluate=True)]
optim_wrapper = dict(optimizer=dict(lr=0.01))
train_dataloader = dict(
    dataset=dict(unlabeled_pipeline={{_base_.augseg_pipeline}}))

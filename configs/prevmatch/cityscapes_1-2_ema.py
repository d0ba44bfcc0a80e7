# python tools/train.py configs/prevmatch/cityscapes_1-2_ema.py
_base_ = './cityscapes_1-2.py'

# An EMA teacher in the place of the previous models.
model = dict(guidance='ema')
custom_hooks = [dict(type='EMATeacherHook', evaluate=True)]

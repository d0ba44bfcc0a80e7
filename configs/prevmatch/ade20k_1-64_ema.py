# python tools/train.py configs/prevmatch/ade20k_1-64_ema.py
_base_ = './ade20k_1-64.py'

# An EMA teacher in the place of the previous models.
model = dict(guidance='ema')
custom_hooks = [dict(type='EMATeacherHook', evaluate=True)]

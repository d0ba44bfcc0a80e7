# python tools/train.py configs/prevmatch/ade20k_1-8_r50_ema.py
_base_ = './ade20k_1-8_r50.py'

# An EMA teacher in the place of the previous models.
model = dict(guidance='ema')
custom_hooks = [dict(type='EMATeacherHook', evaluate=True)]

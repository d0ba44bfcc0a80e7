# python tools/train.py configs/prevmatch/pascal-blended_1-16_ema.py
_base_ = './pascal-blended_1-16.py'

# An EMA teacher in the place of the previous models.
model = dict(guidance='ema')
custom_hooks = [dict(type='EMATeacherHook', evaluate=True)]

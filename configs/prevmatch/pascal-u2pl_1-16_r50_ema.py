# python tools/train.py configs/prevmatch/pascal-u2pl_1-16_r50_ema.py
_base_ = './pascal-u2pl_1-16_r50.py'

# An EMA teacher in the place of the previous models.
model = dict(guidance='ema')
custom_hooks = [dict(type='EMATeacherHook', evaluate=True)]

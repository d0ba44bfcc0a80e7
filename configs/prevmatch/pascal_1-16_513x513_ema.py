# python tools/train.py configs/prevmatch/pascal_1-16_513x513_ema.py
_base_ = './pascal_1-16_513x513.py'

# An EMA teacher in the place of the previous models.
model = dict(guidance='ema')
custom_hooks = [dict(type='EMATeacherHook', evaluate=True)]

# python tools/train.py configs/prevmatch/pascal-blended_1-16_r50_513x513_ema.py
_base_ = './pascal-blended_1-16_r50_513x513.py'

# An EMA teacher in the place of the previous models.
model = dict(guidance='ema')
custom_hooks = [dict(type='EMATeacherHook', evaluate=True)]

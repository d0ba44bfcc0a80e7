# python tools/train.py configs/prevmatch/coco_1-512_ema.py
_base_ = './coco_1-512.py'

# An EMA teacher in the place of the previous models.
model = dict(guidance='ema')
custom_hooks = [dict(type='EMATeacherHook', evaluate=True)]

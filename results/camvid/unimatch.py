_base_ = './base.py'

model = dict(type='UniMatch', conf_thresh=0.95)

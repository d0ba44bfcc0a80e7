_base_ = './base.py'

# The feature map has 3x3 positions.
model = dict(type='RankMatch', conf_thresh=0.95, loss_rank=dict(num_landmarks=9))

# python tools/train.py configs/rankmatch/camvid_1-8_r50_sepaspp.py
# RankMatch on mmseg's own DeepLabV3+ head.
_base_ = './camvid_1-8_r50.py'

model = dict(
    rank_layer='decode_head.bottleneck',
    decode_head=dict(
        type='DepthwiseSeparableASPPHead', dilations=(1, 6, 12, 18)))

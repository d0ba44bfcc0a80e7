_base_ = [
    '../models/dinov2-b_dpt.py', '../datasets/cityscapes.py',
    '../schedules/unimatch_v2.py', '../default_runtime.py'
]

model = dict(
    decode_head=dict(
        num_classes=19,
        loss_decode=dict(
            type='PixelOHEMLoss', thresh=0.7, min_kept=200000)),
    # As released: windows of the crop, the last shifted back at the border,
    # probabilities summed.
    test_cfg=dict(_delete_=True, mode='windows', border='shift'))
crop_size = 798
train_cfg = dict(max_epochs=180)
total_batch_size = 8
auto_scale_lr = dict(base_batch_size=8)
train_dataloader = dict(sampler=dict(partner='in_batch'))
# As released: a class neither labeled nor predicted counts 0 (None leaves it out).
val_evaluator = dict(nan_to_num=0)
test_evaluator = val_evaluator

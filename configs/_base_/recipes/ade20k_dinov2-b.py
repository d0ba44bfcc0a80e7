# As in the published logs.  The released config file for ADE20K differs from them:
# it freezes the encoder (`model.backbone.frozen_stages='all'` here), which costs
# 3 to 5 points.
_base_ = [
    '../models/dinov2-b_dpt.py', '../datasets/ade20k.py',
    '../schedules/unimatch_v2.py', '../default_runtime.py'
]

model = dict(decode_head=dict(num_classes=150))
crop_size = 518
train_cfg = dict(max_epochs=60)
total_batch_size = 8
auto_scale_lr = dict(base_batch_size=8)
train_dataloader = dict(sampler=dict(partner='in_batch'))
# As released: a class neither labeled nor predicted counts 0 (None leaves it out).
val_evaluator = dict(nan_to_num=0)
test_evaluator = val_evaluator

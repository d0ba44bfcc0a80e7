_base_ = [
    '../models/dinov2-b_dpt.py', '../datasets/pascal.py',
    '../schedules/unimatch_v2.py', '../default_runtime.py'
]

model = dict(decode_head=dict(num_classes=21))
crop_size = 518
train_cfg = dict(max_epochs=60)
total_batch_size = 16
train_dataloader = dict(sampler=dict(partner='in_batch'))
# As released: a class neither labeled nor predicted counts 0 (None leaves it out).
val_evaluator = dict(nan_to_num=0)
test_evaluator = val_evaluator

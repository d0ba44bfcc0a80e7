default_scope = 'mmsemi'
custom_imports = dict(
    imports=['mmsemi', 'mmsemi.utils.stock'], allow_failed_imports=False)
runner_type = 'SemiRunner'
rehearse = True  # a step, a validation image and a checkpoint before training

randomness = dict(seed=0)
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl', timeout=1800))
sync_bn = 'torch'  # synchronise BatchNorm over processes, on GPUs only

# Speed and memory; they change results only by rounding: docs/performance.md.
channels_last = False  # on a GPU only
gradient_checkpointing = False  # True, or names of layers
compile = False  # True, or arguments of torch.compile
views_on_device = False  # the device computes the strong views
sharding = False  # processes share weights, gradients and moments

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='WholeCheckpointHook',
        max_keep_ckpts=2,
        save_best='mIoU'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    step_seed=dict(type='StepSeedHook'),
    health=dict(type='HealthHook'),
    corrupt_files=dict(type='CorruptFilesHook'),
    preemption=dict(type='PreemptionHook'),
    stall=dict(type='StallHook'),
    owed_validation=dict(type='OwedValidationHook'),
    # Averages the BatchNorm statistics of all processes before validation.
    sync_buffers=dict(type='SyncBuffersHook'),
    results=dict(type='ResultsHook'),
    pseudo_labels=dict(type='PseudoLabelHook'),  # None: no pictures of them
    terminal=dict(type='TerminalHook'),
    pictures=dict(type='ValidationPicturesHook'),  # None: no pictures
    visualization=dict(type='SegVisualizationHook'))
# Counts what train_cfg counts: epochs or iterations. Tags: train/..., val/...
log_processor = dict(log_with_hierarchy=True)
log_level = 'INFO'

vis_backends = [
    dict(type='LocalVisBackend'),
    dict(type='TensorboardVisBackend')
]
visualizer = dict(
    type='SegLocalVisualizer', vis_backends=vis_backends, name='visualizer')

# `tools/test.py --tta`: average the probabilities over scales and flips.
tta_model = dict(type='SegTTAModel')
tta_pipeline = [
    dict(type='LoadSegImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale_factor=scale, keep_ratio=True)
                for scale in (0.5, 0.75, 1.0, 1.5, 2.0)
            ],
            [
                dict(type='RandomFlip', prob=prob, direction='horizontal')
                for prob in (0., 1.)
            ],
            [dict(type='LoadSegMask')],
            [dict(type='PackSegInputs')],
        ])
]

load_from = None
resume = False

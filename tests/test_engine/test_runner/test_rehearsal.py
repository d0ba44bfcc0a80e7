"""What would fail later fails before training, and a rehearsal leaves no trace."""

import copy
import json
import os
import random
import shutil
import tempfile
from collections import namedtuple
from contextlib import nullcontext

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.registry import VISUALIZERS
from mmseg.registry import MODELS as MMSEG
from mmseg.visualization import SegLocalVisualizer

from mmsemi.engine import SemiRunner
from mmsemi.engine.runner.rehearsal import shapes, training
from mmsemi.registry import HOOKS, METRICS, RUNNERS, TRANSFORMS
from mmsemi.utils.checkpoint import read_checkpoint
from tests.helpers.runs import MODELS, make_config, make_tiny_data
from tests.stress.resume_points import differences

BEST = 'default_hooks.checkpoint.save_best'
TMP = tempfile.gettempdir()
Usage = namedtuple('Usage', 'total used free')


def train(cfg, rehearse=True, **changes):
    cfg = copy.deepcopy(cfg)
    cfg.merge_from_dict(dict(changes, rehearse=rehearse))
    runner = SemiRunner.from_cfg(cfg)
    runner.train()
    return runner


def steps(work_dir):
    """Count the steps that a run has logged."""
    logs = [file for file in work_dir.rglob('*.log')]
    return sum(log.read_text().count('Epoch(train)') for log in logs)


@pytest.fixture
def cfg(plain_configs, tiny_data, tmp_path):
    """A UniMatch of one epoch."""
    return make_config(
        'unimatch', tiny_data, tmp_path / 'work', **{'train_cfg.max_epochs': 1}
    )


class State(Hook):
    """Note all that a rehearsal could touch, when the training begins."""

    priority = 'LOWEST'

    def before_train_epoch(self, runner):
        if hasattr(self, 'seen'):
            return
        model = runner.model
        self.seen = dict(
            random=random.getstate(),
            numpy=np.random.get_state()[1].tolist(),
            torch=torch.get_rng_state().tolist(),
            weights={k: v.clone() for k, v in model.state_dict().items()},
            gradients=[p.grad for p in model.parameters()],
            modes=[m.training for m in model.modules()],
            skip=runner.train_dataloader.sampler._skip,
            optimizer=len(runner.optim_wrapper.optimizer.state),
            hub=sorted(runner.message_hub.log_scalars),
            info=runner.message_hub.runtime_info.keys(),
            results=list(runner.val_loop.evaluator.metrics[0].results),
        )


def files(folder):
    return sorted(
        str(file.relative_to(folder)).split('/', 1)[-1]
        for file in folder.rglob('*')
        if file.suffix not in ('.log', '.py') and file.is_file()
    )


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


@pytest.mark.parametrize('method', MODELS)
def test_it_leaves_no_trace(method, plain_configs, tiny_data, tmp_path):
    """Also where models guide the method, and after a resume inside an epoch."""
    runs = {}
    for rehearse in (False, True):
        folder = tmp_path / str(rehearse)
        cfg = make_config(method, tiny_data, folder, rehearse=rehearse)
        cfg.train_cfg.max_epochs = 2
        runner = SemiRunner.from_cfg(cfg)
        state = State()
        runner.register_hook(state)
        runner.train()
        checkpoint = read_checkpoint(folder / 'epoch_2.pth')
        scores = json.loads((folder / 'results.json').read_text())
        runs[rehearse] = dict(
            state.seen,
            weights_in_the_end=checkpoint['state_dict'],
            optimizer_in_the_end=checkpoint['optimizer'],
            scores=scores,
            files=files(folder),
        )
    rehearsed = runs[True]
    for name, value in runs[False].items():
        assert same(value, rehearsed[name]), name


def test_steps_draw_and_count_without_it(monkeypatch, cfg):
    """Negative control: what the rehearsal restores would otherwise differ."""
    seen = []
    for restored in (True, False):
        if not restored:
            monkeypatch.setattr(training, 'untouched', lambda runner: nullcontext())
        runner = SemiRunner.from_cfg(Config(dict(cfg, rehearse=True)))
        state = State()
        runner.register_hook(state)
        runner.train()
        seen.append(state.seen)
    differ = {name for name in seen[0] if not same(seen[0][name], seen[1][name])}
    assert 'torch' in differ


# Settings that fail late, and what the error says.
FAULTS = {
    'score of save_best': (
        {'val_evaluator.iou_metrics': ['mDice']},
        (BEST, "'mIoU'", 'aAcc, mDice, mAcc', 'val_evaluator.iou_metrics'),
    ),
    'second score of save_best': ({BEST: ['mIoU', 'mDice']}, (BEST, "'mDice'")),
    'score with a prefix': ({'val_evaluator.prefix': 'val'}, (BEST, 'val/mIoU')),
    'score of the health hook': (
        {'default_hooks.health.key': 'mDice'},
        ("default_hooks.health.key='mDice'",),
    ),
    'score of the results': (
        {'default_hooks.results.key': 'IoU'},
        ("default_hooks.results.key='IoU'",),
    ),
    'score of early stopping': (
        {'custom_hooks': [dict(type='EarlyStoppingHook', monitor='acc')]},
        ("custom_hooks[0].monitor='acc'",),
    ),
    'score of previous models': (
        {'custom_hooks': [dict(type='PreviousModelsHook', key='mDice')]},
        ("custom_hooks[0].key='mDice'",),
    ),
    'score of a scheduler': (
        {
            'param_scheduler': [
                dict(type='ReduceOnPlateauLR', monitor='mDice', rule='greater')
            ]
        },
        ("param_scheduler[0].monitor='mDice'",),
    ),
    'score of a teacher that is not evaluated': (
        {BEST: 'teacher_mIoU', 'custom_hooks': [dict(type='EMATeacherHook')]},
        (f"{BEST}='teacher_mIoU'",),
    ),
    'score without a rule': (
        {BEST: 'quality'},
        (BEST, 'quality', 'default_hooks.checkpoint.rule'),
    ),
    'no such metric': (
        {'val_evaluator.iou_metrics': ['IoU']},
        ("val_evaluator.iou_metrics=['IoU']", 'mIoU, mDice, mFscore'),
    ),
    'metric that fails': (
        {'val_evaluator': dict(_delete_=True, type='FailingMetric')},
        ('validation', 'ZeroDivisionError', 'rehearse=False'),
    ),
    'evaluation that ignores a class': (
        {'val_evaluator': dict(type='IoUMetric', ignore_index=0)},
        ('val_evaluator.ignore_index=0', 'ConfusionIoUMetric'),
    ),
    'ignored class': (
        {'model.decode_head.ignore_index': 0},
        ('model.decode_head.ignore_index=0', '255', 'value_map', 'reduce_zero_label'),
    ),
    'ignored class of a loss': (
        {
            'model.decode_head.loss_decode': [
                dict(type='PixelCrossEntropyLoss'),
                dict(type='DiceLoss', loss_name='loss_dice', ignore_index=3),
            ]
        },
        ('model.decode_head.loss_decode[1].ignore_index=3',),
    ),
    'last batch of one': (
        {
            'model.type': 'FixMatch',
            'train_dataloader.dataset.unlabeled_pipeline.4.num_views': 1,
            'train_dataloader.dataset.unlabeled_pipeline.5.num_views': 1,
            'train_dataloader.drop_last': False,
            'train_dataloader.batch_size': 4,
        },
        ('train_dataloader.drop_last=True', '1 of 4', 'image_pool'),
    ),
    'validation without masks': (
        {
            'val_dataloader.dataset.pipeline': [
                dict(type='LoadSegImage'),
                dict(type='PackSegInputs'),
            ]
        },
        ('no mask', 'val_dataloader.dataset.pipeline', 'LoadSegMask'),
    ),
    'pictures': (
        {
            'visualizer.type': 'FailingVisualizer',
            'default_hooks.visualization.draw': True,
        },
        ('validation', 'no brush'),
    ),
    'evaluation that computes nothing': (
        {'val_evaluator.format_only': True, 'val_evaluator.output_dir': TMP},
        (BEST, 'computes none'),
    ),
    'checkpoint that is refused': (
        {'custom_hooks': [dict(type='UnsafeHook')]},
        ('getcwd', '--trust-checkpoint'),
    ),
}


@pytest.fixture(autouse=True)
def parts(monkeypatch):
    """Parts of a user's own."""

    class FailingMetric(BaseMetric):
        def process(self, data_batch, data_samples):
            self.results.append(0)

        def compute_metrics(self, results):
            return dict(mIoU=1 / 0)

    class FailingVisualizer(SegLocalVisualizer):
        def add_datasample(self, *args, **kwargs):
            raise TypeError('no brush')

    class UnsafeHook(Hook):
        def before_save_checkpoint(self, runner, checkpoint):
            checkpoint['call'] = os.getcwd

    class StopHook(Hook):
        def before_train_epoch(self, runner):
            raise KeyboardInterrupt

    for registry, part in (
        (HOOKS, StopHook),
        (METRICS, FailingMetric),
        (VISUALIZERS, FailingVisualizer),
        (HOOKS, UnsafeHook),
    ):
        monkeypatch.setitem(registry.module_dict, part.__name__, part)


@pytest.mark.parametrize('fault', FAULTS)
def test_what_fails_late_fails_before_training(fault, cfg, tmp_path):
    changes, words = FAULTS[fault]
    with pytest.raises((OSError, RuntimeError, ValueError)) as error:
        train(cfg, **changes)
    assert not [word for word in words if word not in str(error.value)]
    assert not steps(tmp_path)
    assert not list((tmp_path / 'work').glob('**/*.p*t*'))  # no checkpoint


@pytest.mark.parametrize('method', ['fixmatch', 'corrmatch'])
@pytest.mark.parametrize('shapes_only', [False, True])
def test_a_batch_of_one(
    method, shapes_only, monkeypatch, plain_configs, tiny_data, tmp_path
):
    if shapes_only:
        monkeypatch.setattr(shapes, 'MOST_WORK', 0)
    cfg = make_config(method, tiny_data, tmp_path, total_batch_size=1)
    with pytest.raises(ValueError, match='raise total_batch_size=1 to 2') as error:
        train(cfg)
    assert 'model.decode_head.image_pool.1.bn' in str(error.value)
    assert not steps(tmp_path)
    norm = 'model.decode_head.norm_cfg'
    cures = {f'{norm}.type': 'GN', f'{norm}.num_groups': 8}
    assert f'{norm}.type=GN {norm}.num_groups=8' in str(error.value)
    assert train(cfg, **cures, **{'train_cfg.max_epochs': 1}).iter == 5


def test_a_batch_of_one_where_a_step_sees_two(cfg):
    """UniMatch's two strong views share a batch."""
    assert train(cfg, total_batch_size=1).iter == 5


@pytest.mark.parametrize('method', MODELS)
def test_shapes_suffice_where_computing_takes_long(
    method, monkeypatch, plain_configs, tiny_data, tmp_path
):
    monkeypatch.setattr(shapes, 'MOST_WORK', 0)
    test_cfg = dict(mode='windows', crop_size=(33, 33), stride=(22, 22))
    cfg = make_config(method, tiny_data, tmp_path)
    cfg.model.test_cfg = test_cfg
    train(cfg, **{'train_cfg.max_epochs': 1})
    log = next(tmp_path.rglob('*.log')).read_text()
    assert 'a training step (shapes only), a validation image (shapes only)' in log


def test_validation_images_of_unlike_sizes(cfg, tmp_path):
    root = tmp_path / 'data'
    make_tiny_data(root)
    for name in ('images/val/1.png', 'labels/val/1.png'):
        pixels = cv2.imread(str(root / name), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(root / name), pixels[:, :40])
    at_once = {'val_dataloader.batch_size': 2}
    for loader in ('train_dataloader', 'val_dataloader'):
        cfg[loader].dataset.data_root = str(root)
    with pytest.raises(ValueError, match='Set val_dataloader.batch_size=1') as error:
        train(cfg, **at_once)
    assert '0.png (48x40) and' in str(error.value)
    assert '1.png (40x40)' in str(error.value)
    train(cfg)
    load = cfg.val_dataloader.dataset.pipeline
    resized = [load[0], dict(type='Resize', scale=(48, 40)), *load[1:]]
    train(cfg, **at_once, **{'val_dataloader.dataset.pipeline': resized})
    # Never in one batch: nothing is wrong.
    lines = (root / 'splits/val.txt').read_text().splitlines()
    (root / 'splits/val.txt').write_text('\n'.join([lines[0], lines[2], lines[1]]))
    train(cfg, **at_once)


def test_space_for_the_checkpoints_to_come(cfg, monkeypatch):
    """As many as are kept, with the optimiser's state and the best ones."""
    runner = train(cfg)
    size = os.path.getsize(os.path.join(runner.work_dir, 'epoch_1.pth'))
    best = sum(t.nbytes for t in runner.model.state_dict().values())
    changes = {
        'train_cfg.max_epochs': 9,
        'default_hooks.checkpoint.max_keep_ckpts': -1,
        'custom_hooks': [dict(type='StopHook')],
    }
    free = 0
    monkeypatch.setattr(shutil, 'disk_usage', lambda folder: Usage(0, 0, free))
    for share, fits in ((0.97, False), (1.03, True)):
        free = int(share * (9 * size + best))
        if fits:
            with pytest.raises(KeyboardInterrupt):
                train(cfg, **changes)
        else:
            with pytest.raises(OSError, match='max_keep_ckpts is -1') as error:
                train(cfg, **changes)
            assert '--work-dir' in str(error.value)
            assert runner.work_dir in str(error.value)
    free = 0
    with pytest.raises(KeyboardInterrupt):
        train(cfg, **changes, rehearse=False)


@pytest.mark.parametrize('folder', ['/proc/nowhere', __file__])
def test_a_folder_that_cannot_be_written(folder, cfg):
    with pytest.raises(OSError, match=f'{folder}/work/.*could not be written'):
        train(cfg, **{'default_hooks.checkpoint.out_dir': folder})


@pytest.mark.parametrize(
    'changes',
    [
        {BEST: 'mFscore', 'val_evaluator.iou_metrics': ['mFscore']},
        {BEST: 'auto'},
        {BEST: None},
        {
            BEST: 'teacher_mIoU',
            'custom_hooks': [dict(type='EMATeacherHook', evaluate=True)],
        },
        {'default_hooks.visualization.draw': True},
        {'val_dataloader': None, 'val_cfg': None, 'val_evaluator': None},
        {
            'train_cfg': dict(
                _delete_=True, type='IterBasedTrainLoop', max_iters=3, val_interval=3
            )
        },
        {
            'val_evaluator': [
                dict(type='ConfusionIoUMetric', prefix='a'),
                dict(type='ConfusionIoUMetric', iou_metrics=['mDice'], prefix='b'),
            ],
            BEST: 'b/mDice',
        },
        {'train_dataloader.drop_last': False},
        {'optim_wrapper.type': 'AutocastOptimWrapper', 'optim_wrapper.dtype': None},
    ],
    ids=str,
)
def test_what_works_passes(changes, cfg):
    train(cfg, **changes)


def test_a_pretrained_file_of_another_network(cfg, tmp_path):
    torch.save({'layer.weight': torch.zeros(3, 3)}, tmp_path / 'other.pth')
    backbone = MMSEG.build(cfg.model.backbone).state_dict()
    torch.save(backbone, tmp_path / 'own.pth')
    part = {k: v for k, v in backbone.items() if not k.startswith(('layer3', 'layer4'))}
    torch.save(part, tmp_path / 'part.pth')

    def init_from(name):
        file = str(tmp_path / name)
        return {'model.backbone.init_cfg': dict(type='Pretrained', checkpoint=file)}

    for name in ('other.pth', 'part.pth'):
        with pytest.raises(ValueError, match='is of another network') as error:
            train(cfg, **init_from(name))
        assert 'model.backbone.init_cfg.checkpoint=FILE' in str(error.value)
        assert 'strict_load=False' in str(error.value)
    train(cfg, **init_from('own.pth'))
    train(cfg, **init_from('part.pth'), strict_load=False)


# Self-training


@pytest.fixture
def self_training(plain_configs, tiny_data, tmp_path):
    return make_config('st', tiny_data, tmp_path / 'work', rehearse=True)


@pytest.mark.parametrize(
    'changes, words',
    {
        'scale': ({'self_training.scales': (0, 1)}, ('self_training.scales=(0, 1)',)),
        'tiny scale': (
            {'self_training.scales': (0.001, 1)},
            ('rehearsal of a labeling', 'rehearse=False'),
        ),
        'channels of the images to label': (
            {'test_pipeline': [dict(type='ThreeAxes'), dict(type='PackSegInputs')]},
            ('rehearsal of a labeling', 'three axes'),
        ),
        'pipeline of pseudo-labels': (
            {
                'train_dataloader.dataset.unlabeled_pipeline': [
                    dict(type='LoadSegImage'),
                    dict(type='PackLabeled'),
                ]
            },
            ('rehearsal of a retraining',),
        ),
        'crop of pseudo-labels': (
            {
                'train_dataloader.dataset.unlabeled_pipeline': [
                    dict(type='LoadSegImage'),
                    dict(type='LoadSegMask'),
                    dict(type='RandomScaleCrop', crop_size=17, ratio_range=(1, 1)),
                    dict(type='PackLabeled'),
                ]
            },
            ('rehearsal of a retraining', '33'),
        ),
    }.values(),
)
def test_later_stages_fail_before_the_first(
    changes, words, self_training, tmp_path, monkeypatch
):
    def three_axes(results):
        raise TypeError('not three axes')

    monkeypatch.setitem(
        TRANSFORMS.module_dict, 'ThreeAxes', lambda **kwargs: three_axes
    )
    self_training.merge_from_dict(changes)
    with pytest.raises((RuntimeError, ValueError)) as error:
        RUNNERS.build(self_training).train()
    assert not [word for word in words if word not in str(error.value)]
    assert not (tmp_path / 'work/1_supervised').exists()


def test_labeling_needs_a_pipeline(self_training):
    self_training.pop('test_pipeline')
    with pytest.raises(ValueError, match='test_pipeline loads'):
        RUNNERS.build(self_training).train()


def test_space_for_all_trainings(self_training, monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, 'disk_usage', lambda folder: Usage(0, 0, 1000))
    with pytest.raises(OSError, match='in each of 2 trainings'):
        RUNNERS.build(self_training).train()
    assert not steps(tmp_path)


def test_self_training_is_the_same_without_it(
    self_training, plain_configs, tiny_data, tmp_path
):
    plain = tmp_path / 'plain'
    RUNNERS.build(make_config('st', tiny_data, plain)).train()
    RUNNERS.build(self_training).train()
    assert differences(plain, tmp_path / 'work') == []

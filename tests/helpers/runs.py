"""Configs that train each method within seconds, and images for them."""

import copy
import logging
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.runner import Runner

from mmsemi.engine import SemiRunner
from tests.helpers.tools import ROOT, TINY

TINY_DINOV2 = ROOT / 'tests/configs/tiny_dinov2.py'
TINY_SELF_TRAINING = ROOT / 'tests/configs/tiny_self_training.py'

# MMEngine calls compilers to log their versions, which takes seconds.
NO_ENVIRONMENT = mock.patch('mmengine.runner.runner.collect_env', dict)

_PREV = dict(conf_thresh=0.2, prev_conf_thresh=0.2)
MODELS = dict(
    supervised=dict(type='Supervised'),
    fixmatch=dict(type='FixMatch', conf_thresh=0.2),
    unimatch=dict(type='UniMatch', conf_thresh=0.2),
    rankmatch=dict(
        type='RankMatch',
        conf_thresh=0.2,
        # The softmax of these features' dot products saturates: a term of 0.
        loss_rank=dict(num_landmarks=8, similarity='cosine'),
    ),
    rankmatch_ema=dict(
        type='RankMatch',
        conf_thresh=0.2,
        loss_rank=dict(num_landmarks=8, similarity='cosine'),
        guidance='ema',
    ),
    corrmatch=dict(
        type='CorrMatch',
        thresh_init=0.3,
        num_regions=16,
        correlation=dict(in_channels=64, channels=16),
    ),
    prevmatch=dict(type='PrevMatch', **_PREV),
    prevmatch_ema=dict(type='PrevMatch', guidance='ema', **_PREV),
    unimatchv2=dict(type='UniMatchV2', conf_thresh=0.2),
    meanteacher=dict(type='MeanTeacher', conf_thresh=0.2),
    augseg=dict(type='AugSeg', conf_thresh=0.2),
    balancedmatch=dict(type='BalancedMatch', conf_thresh=0.2),
    cps=dict(type='CPS'),
)
HOOKS = dict(
    rankmatch_ema=[dict(type='EMATeacherHook')],
    prevmatch=[dict(type='PreviousModelsHook', max_models=2)],
    prevmatch_ema=[dict(type='EMATeacherHook', evaluate=True)],
    unimatchv2=[dict(type='EMATeacherHook', evaluate=True)],
    dinov2=[dict(type='EMATeacherHook', evaluate=True)],
    meanteacher=[dict(type='EMATeacherHook', max_decay=0.9, warmup=False)],
    augseg=[dict(type='EMATeacherHook')],
    balancedmatch=[dict(type='EMATeacherHook')],
)
ONE_VIEW = ('FixMatch', 'CorrMatch', 'MeanTeacher', 'AugSeg')
# The stages of self-training that train a network.
STAGES = dict(
    st=('1_supervised', '3_retraining'),
    stpp=('1_supervised', '4_retraining', '6_retraining'),
)
METHODS = (*MODELS, *STAGES)


def make_config(method: str, data_root: Path, work_dir: Path, **changes) -> Config:
    """Make the config of a 3-epoch training on the images of ``tiny_data``.

    Args:
        method (str): One of ``METHODS``, or 'dinov2': UniMatch V2 on a tiny
            DINOv2.
        data_root (Path): Written by :func:`make_tiny_data`.
        work_dir (Path): Of the run.
        changes: Changes to the config, with dotted names; ``custom_hooks``
            are added to the method's.
    """
    if method == 'dinov2':
        cfg = Config.fromfile(TINY_DINOV2)
    elif method in STAGES:
        cfg = Config.fromfile(TINY_SELF_TRAINING)
        cfg.self_training.shares = (1,) if method == 'st' else (0.5, 1)
    else:
        cfg = Config.fromfile(TINY)
        kept = {
            key: cfg.model[key]
            for key in ('data_preprocessor', 'backbone', 'decode_head', 'test_cfg')
        }
        cfg.model = dict(**MODELS[method], **kept)
        if MODELS[method]['type'] in ONE_VIEW:
            see_one_view(cfg)
        elif method == 'cps':
            toggle_boxes(cfg)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[loader].dataset.data_root = str(data_root)
    cfg.train_cfg.max_epochs = 3
    cfg.visualizer.vis_backends = []
    cfg.work_dir = str(work_dir)
    cfg.train_cfg = changes.pop('train_cfg', cfg.train_cfg)
    hooks = changes.pop('custom_hooks', [])
    cfg.custom_hooks = [*HOOKS.get(method, []), *hooks]
    cfg.merge_from_dict(changes)
    return cfg


def run_logged(
    cfg: Config, *hooks, epochs: int = 1, **changes
) -> tuple[Runner, list[str]]:
    """Train a copy of a config; return the runner and its warnings."""
    cfg = copy.deepcopy(cfg)
    cfg.merge_from_dict(dict({'train_cfg.max_epochs': epochs}, **changes))
    cfg.custom_hooks = list(hooks)
    runner = SemiRunner.from_cfg(cfg)
    lines = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: lines.append(record.getMessage())
    runner.logger.addHandler(handler)
    runner.train()
    return runner, lines


def said(lines: list[str], text: str) -> int:
    """Count the lines that contain a text."""
    return sum(text in line for line in lines)


def make_tiny_data(root: Path, unlabeled_rows: int = 2) -> None:
    """Write 8 training and 3 validation images of 4 classes, 48x40.

    Args:
        root (Path): Data root to write to.
        unlabeled_rows (int): Rows of each mask that are 255 = ignore.
    """
    rng = np.random.default_rng(0)
    for split, count in (('train', 8), ('val', 3)):
        lines = []
        for i in range(count):
            mask = np.zeros((40, 48), np.uint8)
            x, y = (int(v) for v in rng.integers(10, 30, 2))
            cv2.circle(mask, (x, y), 9, 1, -1)
            cv2.rectangle(mask, (x, y), (x + 12, y + 9), 2, -1)
            cv2.line(mask, (0, x), (47, y), 3, 4)
            mask[:unlabeled_rows] = 255
            image = (
                rng.normal(60 + 50 * (mask % 4)[..., None], 25, (40, 48, 3))
                .clip(0, 255)
                .astype(np.uint8)
            )
            names = f'images/{split}/{i}.png', f'labels/{split}/{i}.png'
            for name, pixels in zip(names, (image, mask), strict=True):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(root / name), pixels)
            lines.append(' '.join(names))
        (root / 'splits').mkdir(exist_ok=True)
        (root / 'splits' / f'{split}.txt').write_text('\n'.join(lines))
        if split == 'train':
            (root / 'splits/labeled.txt').write_text('\n'.join(lines[:3]))


def use_method(cfg: Config, method: str) -> None:
    """Replace the RankMatch of the tiny config by another method.

    Args:
        cfg (Config): It is changed.
        method (str): Name of the class.
    """
    cfg.model.pop('loss_rank', None)
    cfg.model.type = method
    if method in ('FixMatch', 'CorrMatch'):
        see_one_view(cfg)


def see_one_view(cfg: Config) -> None:
    """Make one strong view of an unlabeled image instead of two."""
    for transform in cfg.train_dataloader.dataset.unlabeled_pipeline:
        if 'num_views' in transform:
            transform.num_views = 1


def toggle_boxes(cfg: Config) -> None:
    """Draw three boxes of an unlabeled image, and make no strong view."""
    dataset = cfg.train_dataloader.dataset
    dataset.unlabeled_pipeline = [
        dict(type='ShareBoxes', num_views=3, area=(0.25, 0.5))
        if transform.type == 'CutMixBoxes'
        else transform
        for transform in dataset.unlabeled_pipeline
        if transform.type != 'StrongViews'
    ]

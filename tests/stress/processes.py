"""Train and evaluate on several processes over gloo.

``python -m tests.stress.processes FOLDER`` runs everything whose results
``test_processes.py`` checks, and prints how each process ended.  The processes
are forked from this one, which has imported everything already.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmseg.models.segmentors import EncoderDecoder
from torch.distributed.tensor import DTensor

from mmsemi.engine.unwrap import unwrap_model
from mmsemi.evaluation import ConfusionIoUMetric
from mmsemi.models.losses import rank as rank_loss
from mmsemi.models.methods import augseg, corrmatch
from mmsemi.models.utils import complementary
from mmsemi.registry import HOOKS, METRICS, RUNNERS
from tests.helpers.runs import METHODS, make_config, make_tiny_data
from tests.stress.resume_points import OFTEN, ended, fork, prepare

NORM = dict(type='GN', num_groups=4)
TRAINED = (*METHODS, 'dinov2')
SHARDED = ('corrmatch', 'cps')


@HOOKS.register_module(force=True)
class LossFile(Hook):
    """Write the losses of every step to a file, one file per process."""

    def before_train(self, runner):
        self.losses = []

    def after_train_iter(self, runner, batch_idx, data_batch, outputs):
        self.losses.append({k: v.item() for k, v in outputs.items()})

    def after_train(self, runner):
        file = Path(runner.work_dir, f'losses_{get_rank()}.json')
        file.write_text(json.dumps(self.losses))


@HOOKS.register_module(force=True)
class HeldFile(Hook):
    """Write the bytes of weights, moments and teacher that a process holds."""

    def after_train(self, runner):
        state = runner.optim_wrapper.optimizer.state
        held = [
            *(t for model in (runner.model, *teachers(runner)) for t in tensors(model)),
            *(t for moments in state.values() for t in moments.values() if t.dim()),
        ]
        held = [t.to_local() if isinstance(t, DTensor) else t for t in held]
        file = Path(runner.work_dir, f'held_{get_rank()}.json')
        file.write_text(json.dumps(sum(t.nbytes for t in held)))


def teachers(runner):
    return [hook.teacher for hook in runner.hooks if hasattr(hook, 'teacher')]


def tensors(model):
    return [*unwrap_model(model).parameters(), *unwrap_model(model).buffers()]


@METRICS.register_module(force=True)
class AreaFile(ConfusionIoUMetric):
    """Write the pixel counts from which the scores are computed to a file."""

    def compute_metrics(self, results):
        areas = torch.stack(results)
        Path(self.dataset_meta['areas']).write_text(
            json.dumps([len(results), areas.sum(0).tolist()])
        )
        return super().compute_metrics(results)


def drop_odd(feat, prob=0.5, training=True, inplace=False):
    """Drop every second channel: dropout without randomness."""
    return feat * (torch.arange(feat.size(1)) % 2 == 0)[:, None, None] * 2


def exact() -> None:
    """Compute in float64 and without random draws.

    In float32, rounding may decide which of two equal pixels is the maximum
    of a pooling and gets the gradient.  Draws differ between processes: they
    are replaced with constants.
    """
    torch.set_default_dtype(torch.float64)
    extract = EncoderDecoder.extract_feat
    mock.patch.object(
        EncoderDecoder,
        'extract_feat',
        lambda self, images: extract(self, images.double()),
    ).start()
    choose = rank_loss.choose_landmarks
    mock.patch.object(
        rank_loss,
        'choose_landmarks',
        lambda feat, num, start: choose(
            feat, num, torch.zeros(len(feat), dtype=torch.long)
        ),
    ).start()
    mock.patch.object(
        corrmatch,
        'random_positions',
        lambda num, total, *args: torch.arange(num) % total,
    ).start()
    mock.patch('torch.nn.functional.dropout2d', drop_odd).start()
    mock.patch.object(
        complementary,
        'draw_channels',
        lambda num, channels, like: (
            (torch.arange(channels) % 2).expand(num, -1).to(like)
        ),
    ).start()
    # Nothing is pasted from labeled images, whose place in the batch differs.
    mock.patch.object(
        augseg, 'draw_chances', lambda num, *args: torch.zeros(num)
    ).start()


def config(method, data_root, work_dir, padded=False, **changes):
    """Make the config of a network whose output depends on one image alone.

    Unless ``padded``, crops have no padding and no unlabeled pixels.
    """
    hooks = [dict(type='LossFile'), *changes.pop('custom_hooks', [])]
    cfg = make_config(method, data_root, work_dir, custom_hooks=hooks, **OFTEN)
    cfg.launcher = 'pytorch'
    cfg.env_cfg.dist_cfg.timeout = 60
    if method == 'dinov2':
        # In the batch, a partner depends on the number of processes.
        cfg.train_dataloader.sampler.partner = 'independent'
    else:  # a vision transformer has LayerNorm
        cfg.model.backbone.norm_cfg = NORM
        cfg.model.decode_head.update(norm_cfg=NORM, dropout_ratio=0)
    if method == 'corrmatch':
        cfg.model.correlation.norm_cfg = NORM
    if method in ('unimatchv2', 'dinov2'):  # whole pairs depend on the batch
        cfg.model.whole_share = 0
    if method == 'balancedmatch':  # each process divides by its own class weights
        cfg.model.balance = 0
    dataset = cfg.train_dataloader.dataset
    for transform in (*dataset.labeled_pipeline, *dataset.unlabeled_pipeline):
        if transform.type == 'RandomScaleCrop' and not padded:
            # The 40 rows of an image fill the crop.
            low = transform.get('crop_size', cfg.crop_size)[0] / 40
            transform.ratio_range = (max(low, 1.0), 2.0)
        if transform.type == 'NoiseCutout' and not padded:
            transform.prob = 0
    # Previous models guide from the second epoch on.
    cfg.train_cfg.max_epochs = dict(prevmatch=2, prevmatch_ema=2, stpp=3).get(method, 1)
    cfg.merge_from_dict(changes)
    return cfg


def train(*args, **kwargs) -> None:
    RUNNERS.build(config(*args, **kwargs)).train()


def train_all(data_root, folder) -> None:
    """Train every method."""
    for method in TRAINED:
        train(method, data_root, folder / method)


def train_accumulating(data_root, folder) -> None:
    """Train two updates of the same samples on any number of processes.

    With UniMatch, and with the supervised baseline, BatchNorm and OHEM.
    """
    world_size = int(os.environ['WORLD_SIZE'])
    for method in ('unimatch', 'supervised'):
        cfg = config(method, data_root, folder / method, padded=True)
        if method == 'supervised':
            cfg.model.backbone.norm_cfg = dict(type='BN')
            cfg.model.decode_head.loss_decode = dict(
                type='PixelOHEMLoss', thresh=0.3, min_kept=300
            )
        cfg.total_batch_size = 2
        cfg.optim_wrapper.accumulative_counts = 2 // world_size
        cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=4 // world_size)
        cfg.default_hooks.checkpoint.interval = 1
        cfg.log_processor.by_epoch = False
        cfg.default_hooks.checkpoint.interval = 1
        cfg.auto_scale_lr.enable = False
        cfg.param_scheduler = None
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        RUNNERS.build(cfg).train()


def dinov2_config(data_root, work_dir, **changes):
    """Make the config of a tiny DINOv2 with teacher, moments and clipped gradients."""
    hooks = [dict(type='HeldFile'), *changes.pop('custom_hooks', [])]
    cfg = config('dinov2', data_root, work_dir, custom_hooks=hooks, **changes)
    cfg.optim_wrapper = dict(
        type='OptimWrapper',
        optimizer=dict(type='AdamW', lr=1e-2, fused=True),
        clip_grad=dict(max_norm=0.5),
    )
    cfg.gradient_checkpointing = True
    cfg.default_hooks.checkpoint.interval = 2
    cfg.default_hooks.checkpoint.save_best = None
    return cfg


def train_dinov2(*args, **kwargs) -> None:
    RUNNERS.build(dinov2_config(*args, **kwargs)).train()


def train_sharded(data_root, folder) -> None:
    """Train methods that differ in their forward passes, their weights shared."""
    for method in SHARDED:
        train(
            method,
            data_root,
            folder / method,
            sharding=True,
            **{
                'optim_wrapper.optimizer.fused': False,
                'default_hooks.checkpoint.save_best': None,
            },
        )


def evaluate(data_root, folder, checkpoint) -> None:
    """Evaluate a checkpoint on 3 images, and on 1."""
    folder.mkdir(exist_ok=True)
    for val in ('val', 'one'):
        cfg = config('unimatch', data_root, folder / val)
        cfg.load_from = str(checkpoint)
        cfg.test_dataloader.dataset.ann_file = f'splits/{val}.txt'
        cfg.test_dataloader.dataset.metainfo.areas = str(folder / f'{val}.json')
        cfg.test_evaluator.type = 'AreaFile'
        RUNNERS.build(cfg).test()


def launch(
    world_size: int,
    function: Callable,
    *args,
    output: Path,
    stopped: int | None = None,
    **kwargs,
) -> list[int]:
    """Run a function on several processes; return their exit statuses.

    A ``stopped`` process is killed when the others have ended.
    """
    with socket.socket() as port:
        port.bind(('127.0.0.1', 0))
        os.environ['MASTER_PORT'] = str(port.getsockname()[1])
    os.environ.update(MASTER_ADDR='127.0.0.1', WORLD_SIZE=str(world_size))
    pids = []
    for rank in range(world_size):
        os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank))
        pids.append(fork(function, *args, output=output, **kwargs))
    codes = {rank: ended(pids[rank]) for rank in range(world_size) if rank != stopped}
    if stopped is not None:
        os.kill(pids[stopped], signal.SIGKILL)
        codes[stopped] = ended(pids[stopped])
    return [codes[rank] for rank in range(world_size)]


def end_at(time: int, number: int) -> list:
    """Make a custom hook that signals process 1 at the start of a step."""
    return [
        dict(
            type='EndAt',
            point='before_train_iter',
            time=time,
            signal=int(number),
            rank=1,
        )
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path)
    folder = parser.parse_args().folder
    prepare()
    exact()
    full, padded = folder / 'full', folder / 'padded'
    make_tiny_data(full, unlabeled_rows=0)
    make_tiny_data(padded)
    for name, split, count in (('one', 'val', 1), ('two', 'train', 5)):
        lines = (padded / f'splits/{split}.txt').read_text().splitlines()
        (padded / f'splits/{name}.txt').write_text('\n'.join(lines[:count]))
    codes = {}

    def attempt(name, world_size, function, *args, **kwargs):
        start = time.time()
        codes[name] = launch(
            world_size, function, *args, output=folder / f'{name}.txt', **kwargs
        )
        print(f'{name}: {codes[name]} ({time.time() - start:.1f} s)', flush=True)

    for n in (1, 2):
        attempt(f'train_{n}', n, train_all, full, folder / f'train_{n}')
        attempt(
            f'accumulate_{n}', n, train_accumulating, padded, folder / f'accumulate_{n}'
        )
    for n in (1, 2, 3):
        attempt(
            f'evaluate_{n}',
            n,
            evaluate,
            padded,
            folder / f'evaluate_{n}',
            folder / 'train_1/unimatch/iter_2.pth',
        )
    attempt(
        'few_images',
        3,
        train,
        'unimatch',
        padded,
        folder / 'few_images',
        **{
            'train_dataloader.dataset.train_list': 'splits/two.txt',
            'total_batch_size': 3,
        },
    )
    prevmatch = train, 'prevmatch', full
    attempt(
        'term',
        2,
        *prevmatch,
        folder / 'term',
        custom_hooks=end_at(3, signal.SIGTERM),
        rehearse=True,
    )
    attempt('resume', 2, *prevmatch, folder / 'term', resume=True, rehearse=True)
    attempt(
        'die', 2, *prevmatch, folder / 'die', custom_hooks=end_at(3, signal.SIGKILL)
    )
    attempt(
        'stall',
        2,
        *prevmatch,
        folder / 'stall',
        custom_hooks=end_at(3, signal.SIGSTOP),
        stopped=1,
        **{'env_cfg.dist_cfg.timeout': 10},
    )
    attempt('sharded_methods', 2, train_sharded, full, folder / 'train_sharded')
    dinov2, term = (train_dinov2, full), folder / 'shares_term'
    shared = dict(sharding=True)
    attempt('whole', 2, *dinov2, folder / 'whole')
    attempt('shares', 2, *dinov2, folder / 'shares', **shared)
    term_hook = end_at(1, signal.SIGTERM)
    attempt('shares_term', 2, *dinov2, term, custom_hooks=term_hook, **shared)
    shutil.copytree(term, folder / 'shares_made_whole')
    attempt('shares_resume', 2, *dinov2, term, resume=True, rehearse=True, **shared)
    attempt('made_whole', 1, *dinov2, folder / 'shares_made_whole', resume=True)
    (folder / 'codes.json').write_text(json.dumps(codes))


if __name__ == '__main__':
    main()

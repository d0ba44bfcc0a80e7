"""Try out the parts of a training before it starts."""

import copy
import math
import os
import os.path as osp
import random
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.hooks import CheckpointHook
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.runner import IterBasedTrainLoop, Runner, ValLoop
from mmengine.runner.amp import autocast
from mmengine.structures import BaseDataElement, PixelData
from mmseg.engine.hooks import SegVisualizationHook
from torch import Tensor, nn
from torch._subclasses import fake_tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._pytree import tree_leaves
from torch.utils.data import DataLoader

from mmsemi.datasets import (
    FaultyFile,
    ListSegDataset,
    SemiSampler,
    SemiSegDataset,
    list_line,
    stack_streams,
)
from mmsemi.datasets.semi_sampler import SemiIndex
from mmsemi.models.utils import Guidance, tta_probabilities
from mmsemi.registry import DATASETS, MODELS
from mmsemi.utils.checkpoint import read_checkpoint
from mmsemi.utils.compat import BATCH_NORMS, draw_nowhere, forget_instances
from mmsemi.utils.images import image_size
from mmsemi.visualization import save_mask

from ..hooks.ema_teacher_hook import EMATeacherHook
from ..hooks.previous_models_hook import PreviousModelsHook
from ..hooks.snapshot_hook import SnapshotHook
from ..unwrap import student
from .checks import check_scores, first_unlike

# The rehearsal's file.  Were the run killed, the next one would remove it
# (WholeCheckpointHook).
FILE = '.rehearsal.part'
# Limit of weights times pixels, above which a CPU computes only shapes.  At about
# 64 multiplications per 1000 of these products, a step below it takes up to 10
# seconds on two cores.
MOST_WORK = 1e13
FAKE = FakeTensorMode(allow_non_fake_inputs=True)
NEED_CONTENTS = (
    fake_tensor.DataDependentOutputException,
    fake_tensor.DynamicOutputShapeException,
    fake_tensor.UnsupportedOperatorException,
)


def rehearse(runner: Runner) -> None:
    """Run each part of a training once, so that errors show before it starts.

    The parts are a training step, forward and backward, of the first samples; a
    validation of one image with prediction, evaluation and pictures; a
    checkpoint that is written and read.  The scores are then compared with the
    settings that name one, and the size of the checkpoints with the free
    space.

    The step and the validation run on a copy of the network, with at most two
    samples, and leave nothing behind: weights, statistics, samplers, random
    states and logs are those of a run without a rehearsal, bit for bit.  The
    copy needs no more memory than the optimiser does later.  If a large network
    would take long on a CPU, tensors have shapes but no contents.

    Args:
        runner (Runner): Ready to train.

    Raises:
        OSError: A checkpoint cannot be written, or the disk is too small
            for those to come.
        RuntimeError: A part fails; it is named, with its error.
        ValueError: A setting cannot work; it is named, with the cure.
    """
    start = time.perf_counter()
    with _untouched(runner):
        model = copy.deepcopy(student(runner))
        steps = [
            _attempt('training step', _train, runner, model),
            _attempt('validation', _validate, runner, model),
            _attempt('checkpoint', _save, runner),
        ]
    del model
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    runner.logger.info(
        f'Rehearsed {", ".join(filter(None, steps))} in '
        f'{time.perf_counter() - start:.1f} s (rehearse=False leaves this out).'
    )


def _attempt(part: str, do: Any, *args: Any) -> str:
    """Run a part of the rehearsal; return its description."""
    try:
        return do(*args)
    except torch.OutOfMemoryError:
        return f'no {part}, which did not fit into the memory of the GPU'
    except (OSError, ValueError):
        raise  # they say what to do
    except Exception as error:
        raise RuntimeError(
            f'The rehearsal of a {part} fails, as the training would: '
            f'{type(error).__name__}: {error} (`--cfg-options rehearse=False` '
            'starts the training regardless.)'
        ) from error


@contextmanager
def _untouched(runner: Runner) -> Iterator[None]:
    """Restore all that a rehearsal changes besides the copy of the network."""
    benchmark = torch.backends.cudnn.benchmark
    # A method that logs by itself logs into a copy.
    hub = MessageHub.get_instance(f'{runner.experiment_name}_rehearsal')
    muted = runner.logger.disabled
    try:
        runner.logger.disabled = True
        # It would be tuned to other shapes than the run's.
        torch.backends.cudnn.benchmark = False
        with _same_draws(), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            hub.load_state_dict(runner.message_hub.state_dict())
            yield
    finally:
        forget_instances(hub)
        runner.logger.disabled = muted
        torch.backends.cudnn.benchmark = benchmark


@contextmanager
def _same_draws() -> Iterator[None]:
    """Restore the states of all random number generators."""
    states = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


# A training step


def _train(runner: Runner, model: nn.Module) -> str:
    """Run the forward and the backward pass of a step."""
    loader = runner.train_dataloader
    if (
        not isinstance(runner.optim_wrapper, OptimWrapper)
        or type(model).train_step is not BaseModel.train_step
        or (samples := _first_samples(loader)) is None
    ):
        return ''
    batch = loader.collate_fn(samples)
    smallest = _smallest_batch(runner)
    if smallest < len(samples):
        batch = loader.collate_fn(samples[:smallest])
    what, mode = 'a training step', nullcontext()
    if _takes_long(model, batch):
        what += ' (shapes only)'
        mode = _shapes_only()
        model = _as_shapes(model)
    _lend_itself(model, student(runner))
    norms: list[str] = []
    with _noting(model, norms), mode:
        try:
            with runner.optim_wrapper.optim_context(model):
                losses = model(**model.data_preprocessor(batch, True), mode='loss')
            model.parse_losses(losses)[0].backward()
        except ValueError as error:
            if 'more than 1 value per channel' not in str(error) or not norms:
                raise
            raise ValueError(_one_value(runner, model, norms[-1], smallest)) from error
        finally:
            model.zero_grad()
    return what


def _first_samples(loader: DataLoader) -> list | None:
    """Load up to two samples of the first batch, or None if it is unknown."""
    sampler, dataset = loader.sampler, loader.dataset
    count = min(2, loader.batch_size or 1)
    if isinstance(sampler, SemiSampler):
        order = iter(copy.copy(sampler))  # a copy: iterating resets `skip`
    elif isinstance(dataset, SemiSegDataset) or not hasattr(dataset, '__len__'):
        return None
    else:
        order = iter(range(len(dataset)))
    return [dataset[index] for index in islice(order, count)]


def _smallest_batch(runner: Runner) -> int:
    """Return the samples of the smallest batch, or 2 if it has more."""
    loader = runner.train_dataloader
    size = loader.batch_size or 1
    if not (loader.drop_last or isinstance(runner.train_loop, IterBasedTrainLoop)):
        size = len(loader.sampler) % size or size
    return min(2, size)


def _lend_itself(model: nn.Module, trained: nn.Module) -> None:
    """Let a guided method be its own previous model, in the middle of a run."""
    guidance = getattr(model, 'guidance', None)
    if isinstance(guidance, Guidance) and trained.guidance.models is not None:
        guidance.models = [_Itself(model)]
        guidance.epoch, guidance.max_epochs = 1, 2


class _Itself:
    """A previous model that needs no memory."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model

    def logits(self, images: Tensor) -> Tensor:
        with self._model.eval_no_grad():
            return self._model.logits(images)


@contextmanager
def _noting(model: nn.Module, norms: list[str]) -> Iterator[None]:
    """Record the names of the BatchNorm layers that are called."""
    handles = [
        layer.register_forward_pre_hook(lambda *_, name=name: norms.append(name))
        for name, layer in model.named_modules()
        if isinstance(layer, BATCH_NORMS)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _one_value(runner: Runner, model: nn.Module, norm: str, samples: int) -> str:
    """Describe why a BatchNorm has a single value per channel, and what helps."""
    loader = runner.train_dataloader
    if samples < (loader.batch_size or 1):
        fault = (
            f'the last batch of an epoch has {samples} of {loader.batch_size} '
            'samples, as train_dataloader.drop_last=False'
        )
        cure = 'Set train_dataloader.drop_last=True'
    else:
        total = runner.cfg.get('total_batch_size')
        fault = 'a step takes a single sample'
        if runner.world_size > 1:
            fault += ' on each process'
        cure = 'Give every process two images of a kind in a step or more: ' + (
            'set train_dataloader.batch_size=2'
            if total is None or 'batch_size' in runner.cfg.train_dataloader
            else f'raise total_batch_size={total} to {2 * total}'
        )
    part = norm.split('.')[0]
    groups = math.gcd(
        32,
        *(
            layer.num_features
            for name, layer in model.named_modules()
            if isinstance(layer, BATCH_NORMS) and name.startswith(f'{part}.')
        ),
    )
    return (
        f'model.{norm} normalises each channel by the mean over a batch, which '
        f'here is a single value: {fault}, and this layer (as image pooling does) '
        f'sees one value per image. {cure}, or normalise without the batch: '
        f'model.{part}.norm_cfg.type=GN model.{part}.norm_cfg.num_groups={groups}.'
    )


# Cost


def _takes_long(model: nn.Module, batch: Any) -> bool:
    """Tell whether computing a batch would take a CPU long."""
    weights = list(model.parameters())
    if not weights or weights[0].device.type != 'cpu':
        return False
    values = sum(
        leaf.numel()
        for leaf in tree_leaves(batch)
        if isinstance(leaf, Tensor) and leaf.dim() > 2
    )
    return values / 3 * sum(weight.numel() for weight in weights) > MOST_WORK


@contextmanager
def _shapes_only() -> Iterator[None]:
    """Compute only shapes; leave the block at operations that need contents."""
    try:
        with FAKE:
            yield
    except NEED_CONTENTS:
        pass


def _as_shapes(model: nn.Module) -> nn.Module:
    """Copy a network without the contents of its tensors."""
    model = copy.deepcopy(model)
    for layer in model.modules():
        for name, weight in list(layer.named_parameters(recurse=False)):
            shape = FAKE.from_tensor(weight.detach())
            setattr(layer, name, nn.Parameter(shape, weight.requires_grad))
        for name, buffer in list(layer.named_buffers(recurse=False)):
            setattr(layer, name, FAKE.from_tensor(buffer))
    return model


# A validation


def _validate(runner: Runner, model: nn.Module) -> str:
    """Predict and evaluate an image, and check the names of the scores."""
    loop = runner.val_loop
    if not isinstance(loop, ValLoop) or not len(loop.dataloader.dataset):
        return ''
    loader, what = loop.dataloader, 'a validation image'
    samples = [loader.dataset[i] for i in first_unlike(loader)]
    _check_one_size(loader, model, samples)
    batch = loader.collate_fn(samples)
    with torch.no_grad():
        if _takes_long(model, batch):
            what += ' (shapes only)'
            outputs = _without_contents(model, batch)
        else:
            with autocast(enabled=loop.fp16):
                outputs = model.eval().val_step(batch)
    outputs = [each for each in outputs if isinstance(each, BaseDataElement)]
    evaluator = copy.deepcopy(loop.evaluator)
    try:
        evaluator.process(data_samples=outputs, data_batch=batch)
    except KeyError as error:
        if 'gt_sem_seg' not in str(error):
            raise
        raise ValueError(
            f'The validation image {getattr(outputs[0], "img_path", "")} has no '
            'mask to compare with: its list must name one in each line, and '
            'val_dataloader.dataset.pipeline must load it (LoadSegMask).'
        ) from error
    scores = evaluator.evaluate(len(samples))
    if any(isinstance(h, EMATeacherHook) and h.evaluate for h in runner.hooks):
        scores.update({f'teacher_{name}': value for name, value in scores.items()})
    check_scores(runner, list(scores))
    for hook in runner.hooks:
        if isinstance(hook, SegVisualizationHook) and hook.draw and not hook.show:
            draw_nowhere(hook).after_val_iter(runner, 0, batch, outputs)
    return what


def _check_one_size(loader: DataLoader, model: nn.Module, samples: list[dict]) -> None:
    """Check that the images of a validation batch can be stacked."""
    shapes = {
        tuple(sample['inputs'].shape[-2:]): sample['data_samples'].img_path
        for sample in samples
        if isinstance(sample, dict) and isinstance(sample.get('inputs'), Tensor)
        if 'img_path' in sample.get('data_samples', ())
    }
    if len(shapes) > 1 and not getattr(model.data_preprocessor, 'test_cfg', None):
        images = ' and '.join(
            f'{path} ({width}x{height})' for (height, width), path in shapes.items()
        )
        raise ValueError(
            f'val_dataloader.batch_size={loader.batch_size} puts images of unlike '
            f'sizes into one batch: {images}. Set val_dataloader.batch_size=1, or '
            'resize all images to one size in val_dataloader.dataset.pipeline.'
        )


def _without_contents(model: nn.Module, batch: Any) -> list:
    """Predict shapes, and fill the predictions with zeros."""
    samples = copy.deepcopy(batch['data_samples'])
    outputs: list = []
    shapes = _as_shapes(model).eval()
    with _shapes_only():
        outputs = shapes.val_step(batch)
    for i, sample in enumerate(samples):
        tensors = outputs[i] if outputs else dict(pred_sem_seg=sample.gt_sem_seg)
        for name in ('seg_logits', 'pred_sem_seg'):
            if name in tensors:
                shape = tuple(tensors.get(name).data.shape)
                zeros = torch.zeros(shape, dtype=torch.long)
                sample.set_data({name: PixelData(data=zeros)})
    return samples


# A checkpoint


def _save(runner: Runner) -> str:
    """Write and read a checkpoint, and check the space for those to come."""
    hooks = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook)]
    if not hooks or not is_main_process():
        return ''
    hook = hooks[0]
    if not isinstance(get_file_backend(hook.out_dir), LocalBackend):
        return ''
    file = Path(hook.out_dir, FILE)
    try:
        runner.save_checkpoint(
            hook.out_dir,
            FILE,
            save_optimizer=hook.save_optimizer,
            save_param_scheduler=hook.save_param_scheduler,
            by_epoch=hook.by_epoch,
        )
        size = file.stat().st_size
        read_checkpoint(file)  # or refuse it, as a resumed run would
    finally:
        with suppress(OSError):  # the folder may not be one
            file.unlink()
    _check_space(runner, hook, size)
    return 'a checkpoint'


def _check_space(runner: Runner, hook: CheckpointHook, size: int) -> None:
    """Check that the checkpoints to come fit into the free space.

    Args:
        runner (Runner): The run.
        hook (CheckpointHook): The hook that writes them.
        size (int): Bytes of a checkpoint before the first step.

    Raises:
        OSError: They do not fit.
    """
    weights = sum(t.nbytes for t in student(runner).state_dict().values())
    best = weights * (
        1 + sum(isinstance(each, EMATeacherHook) for each in runner.hooks)
    )
    size += _state_to_come(runner) if hook.save_optimizer else 0
    snapshots = 0
    for each in runner.hooks:
        if isinstance(each, PreviousModelsHook):
            to_come = each.max_models - len(each.models)
            size += int(to_come * weights * (0.5 if each.dtype == 'half' else 1))
        snapshots += 3 * weights * isinstance(each, SnapshotHook)
    loop = runner.train_loop
    done, end = (
        (runner.epoch, loop.max_epochs)
        if hook.by_epoch and not isinstance(loop, IterBasedTrainLoop)
        else (runner.iter, loop.max_iters)
    )
    count = (end - done) // hook.interval if hook.interval > 0 else 0
    count = max(count, int(hook.save_last))
    if hook.max_keep_ckpts > 0:  # the oldest goes when the new one is written
        count = min(count, hook.max_keep_ckpts + 1)
    num_best = len(hook.save_best or ()) if runner.val_loop is not None else 0
    # Self-training: as often as trainings of this kind are to come.
    times = int(runner.cfg.get('rehearse', True))
    need = times * (count * size + num_best * best) + snapshots
    free = shutil.disk_usage(hook.out_dir).free
    if runner.iter:  # resumed: these are among the checkpoints to keep
        free += sum(map(os.path.getsize, Path(hook.out_dir).glob('*.pth')))
    if need > free:
        raise OSError(
            f'The checkpoints to come need {_gigabytes(need)}: {count} of '
            f'{_gigabytes(size)} and {num_best} best of {_gigabytes(best)}'
            f'{f" in each of {times} trainings" if times > 1 else ""}. '
            f'{osp.abspath(hook.out_dir)} has {_gigabytes(free)} free. Make room, '
            'name another folder with `--work-dir`, or keep fewer: '
            f'default_hooks.checkpoint.max_keep_ckpts is {hook.max_keep_ckpts}, '
            f'interval {hook.interval}. (`--cfg-options rehearse=False` starts the '
            'training regardless.)'
        )


def _state_to_come(runner: Runner) -> int:
    """Estimate the bytes that the optimiser's state adds to a checkpoint."""
    optimizer = getattr(runner.optim_wrapper, 'optimizer', None)
    if optimizer is None or optimizer.state:
        return 0
    probe = nn.Parameter(torch.zeros(2, 2))
    probe.grad = torch.zeros(2, 2)
    try:
        trial = type(optimizer)([probe], **optimizer.defaults)
        trial.step()
        states = [s for s in trial.state[probe].values() if torch.is_tensor(s)]
    except (TypeError, ValueError, RuntimeError):
        return 0  # an optimiser with other arguments
    copies = sum(state.shape == probe.shape for state in states)
    weights = (p for group in optimizer.param_groups for p in group['params'])
    return copies * sum(p.nbytes for p in weights if p.requires_grad)


def _gigabytes(size: float) -> str:
    return f'{size / 2**30:.2f} GB' if size >= 2**28 else f'{size / 2**20:.1f} MB'


# Self-training


def rehearse_labels(cfg: Config, scales: Sequence[float]) -> None:
    """Label an unlabeled image and load its pseudo-label once, as self-training does.

    An unlabeled image passes through ``test_pipeline`` and the network at all
    scales, which is computed in shapes only; its pseudo-label, here of the
    first class, is written, and both pass through the pipeline of
    pseudo-labeled images.

    Args:
        cfg (Config): Config of the self-training.
        scales (Sequence[float]): Scales of the test-time augmentation.

    Raises:
        RuntimeError: A part fails; it is named, with its error.
        ValueError: A setting cannot work; it is named, with the cure.
    """
    if 'test_pipeline' not in cfg:
        raise ValueError(
            'Self-training labels images as test_pipeline loads them, which the '
            'config lacks: set it (configs/_base_/datasets/common.py has one).'
        )
    if not scales or min(scales) <= 0:
        raise ValueError(
            f'self_training.scales={tuple(scales)} must be one or more positive '
            'factors.'
        )
    dataset = cfg.train_dataloader.dataset
    to_label = DATASETS.build(dict(dataset, unlabeled_pipeline=cfg.test_pipeline))
    with _same_draws(), tempfile.TemporaryDirectory() as folder:
        _attempt('labeling', _label, cfg, to_label.unlabeled, scales)
        _attempt('retraining', _load_labels, dataset, to_label.unlabeled, Path(folder))


def _label(cfg: Config, images: ListSegDataset, scales: Sequence[float]) -> str:
    batch = pseudo_collate([_usable(images)])
    with _shapes_only():
        model = MODELS.build(cfg.model).eval()
        inputs = model.data_preprocessor(batch, False)['inputs']
        tta_probabilities(model.logits, inputs, scales)
    return ''


def _load_labels(dataset: dict, images: ListSegDataset, folder: Path) -> str:
    info = images.get_data_info(0)
    height, width = image_size(info['img_path'])
    mask, labels = folder / 'mask.png', folder / 'labels.txt'
    save_mask(np.zeros((height, width), np.uint8), images.metainfo['palette'], mask)
    name = osp.relpath(info['img_path'], images.data_root)
    labels.write_bytes(list_line(name, str(mask)).encode())
    trained = DATASETS.build(dict(dataset, pseudo_list=str(labels)))
    last = trained.num_labeled - 1  # the pseudo-labeled one
    indices = [SemiIndex((i,), (), (), 0) for i in (0, last)]
    stack_streams([trained[index] for index in indices])
    return ''


def _usable(images: ListSegDataset) -> dict:
    """Load the first image that is not corrupt."""
    for i in range(len(images) - 1):
        with suppress(FaultyFile):
            return images[i]
    return images[-1]

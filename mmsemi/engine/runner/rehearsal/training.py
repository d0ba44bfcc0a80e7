"""Try out the parts of a training before it starts."""

import copy
import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.runner import IterBasedTrainLoop, Runner, ValLoop
from mmengine.runner.amp import autocast
from mmengine.structures import BaseDataElement
from mmseg.engine.hooks import SegVisualizationHook
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmsemi.datasets import SemiSampler, SemiSegDataset
from mmsemi.models.utils import Guidance
from mmsemi.utils.compat import BATCH_NORMS, draw_nowhere

from ...hooks.ema_teacher_hook import EMATeacherHook
from ...unwrap import student, units
from ..checks import check_scores, first_unlike
from .checkpoint import save_and_read
from .isolation import attempt, untouched
from .shapes import as_shapes, build_shapes, predict_shapes, shapes_only, takes_long


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
    with untouched(runner):
        model = student(runner)
        # No process could copy the network of which it has a share.
        sharded = bool(units(model))
        model = build_shapes(runner.cfg.model) if sharded else copy.deepcopy(model)
        steps = [
            attempt('training step', _train, runner, model),
            attempt('validation', _validate, runner, model),
            attempt('checkpoint', save_and_read, runner),
        ]
    del model
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    runner.logger.info(
        f'Rehearsed {", ".join(filter(None, steps))} in '
        f'{time.perf_counter() - start:.1f} s (rehearse=False leaves this out).'
    )


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
    if takes_long(model, batch):
        what += ' (shapes only)'
        mode = shapes_only()
        model = as_shapes(model)
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

    def capture(self, layer: str) -> AbstractContextManager[list[Tensor]]:
        return self._model.capture(layer)


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
        if takes_long(model, batch):
            what += ' (shapes only)'
            outputs = predict_shapes(model, batch)
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

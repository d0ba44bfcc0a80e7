"""Refuse parts of a config that a method would bypass.

Methods read streams and compute their own loss.  What they never ask for, such
as mmseg's padding of training batches or a second strong view, would be
accepted and have no effect.
"""

import inspect
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmseg.models import BaseSegmentor
from torch import nn
from torch.utils.data import DataLoader, Dataset

from mmsemi.datasets import SemiSampler, SemiSegDataset
from mmsemi.models import SemiDataPreprocessor, SemiSegmentor

from ..hooks.ema_teacher_hook import EMATeacherHook
from ..hooks.previous_models_hook import PreviousModelsHook

LENDERS = dict(previous=PreviousModelsHook, ema=EMATeacherHook)


def check_wrappers(dataset: Any) -> None:
    """Check that a config does not wrap the data set of streams into another.

    Args:
        dataset: ``train_dataloader.dataset``, a config or a data set.

    Raises:
        ValueError: It does.
    """
    if not isinstance(dataset, dict):
        return
    inner = dataset.get('datasets', dataset.get('dataset'))
    parts = inner if isinstance(inner, list | tuple) else [inner]
    if any(isinstance(part, dict) and 'labeled_list' in part for part in parts):
        raise ValueError(
            f'train_dataloader.dataset.type={dataset.get("type")!r} cannot hold '
            'data sets with a labeled_list: their streams would be lost. For several '
            'folders, let data_root be the folder above them and write one labeled '
            'and one unlabeled list; for more passes over them, raise '
            'train_cfg.max_epochs.'
        )


def check_parts_used(model: nn.Module, loader: DataLoader) -> None:
    """Check that a training reads all of its network, data set and loader.

    Args:
        model (nn.Module): The network, unwrapped.
        loader (DataLoader): Of the training.

    Raises:
        ValueError: A part would be bypassed, or does not fit the method; it is
            named.
    """
    dataset = loader.dataset
    method = type(model).__name__
    if not isinstance(dataset, SemiSegDataset):
        if isinstance(model, SemiSegmentor):
            raise ValueError(
                f'model.type={method!r} trains on streams, but train_dataloader.'
                f'dataset is a {type(dataset).__name__}: use SemiSegDataset, or '
                "model.type='EncoderDecoder' to train on masks alone."
            )
        return
    if isinstance(model, BaseSegmentor) and not isinstance(model, SemiSegmentor):
        module = inspect.getmodule(type(model).loss)
        if module is not None and module.__name__.startswith('mmseg.'):
            raise ValueError(
                f'model.type={method!r} is no method of mmsemi: its loss does not '
                f'know the streams of {type(dataset).__name__}. To train on the '
                "labeled images alone, use model.type='Supervised'."
            )
    _check_loader(loader)
    if isinstance(model, BaseModel):
        _check_preprocessor(model.data_preprocessor)
    if isinstance(model, SemiSegmentor):
        _check_loss_names(model)
        if model.num_views is not None:
            _check_views(method, model.num_views, loader)


def check_hooks(model: nn.Module, hooks: list[Hook], cfg: dict) -> None:
    """Check that the hooks which a training needs are there.

    Args:
        model (nn.Module): The network, unwrapped.
        hooks (list[Hook]): The run's.
        cfg (dict): Config of the run.

    Raises:
        ValueError: One is missing; it is named.
    """
    guidance = getattr(model, 'guidance', None)
    lender = LENDERS.get(getattr(guidance, 'source', ''))
    if lender is not None and not any(isinstance(hook, lender) for hook in hooks):
        raise ValueError(
            f'{type(model).__name__} with guidance={guidance.source!r} needs '
            f'models of earlier steps: add dict(type={lender.__name__!r}) to '
            'custom_hooks.'
        )
    given = cfg.get('default_hooks') or {}
    for name, needed in (
        ('sampler_seed', 'every epoch would have the order and draws of the first'),
        ('param_scheduler', 'the learning rate would not follow param_scheduler'),
    ):
        if name in given and given[name] is None:
            if name == 'sampler_seed' or cfg.get('param_scheduler'):
                raise ValueError(
                    f'default_hooks.{name}=None: without this hook {needed}. Leave '
                    'it out.'
                )


def _check_loader(loader: DataLoader) -> None:
    """Check that a loader of streams samples and collates them."""
    if not isinstance(loader.sampler, SemiSampler) and not hasattr(
        loader.sampler, 'skip'
    ):
        raise ValueError(
            f'train_dataloader.sampler is a {type(loader.sampler).__name__}, which '
            "draws single images: use dict(type='SemiSampler')."
        )
    collate: Any = loader.collate_fn
    name = getattr(getattr(collate, 'func', collate), '__name__', '')
    if name in ('pseudo_collate', 'default_collate'):
        raise ValueError(
            f'train_dataloader.collate_fn={name} does not batch streams: use '
            "dict(type='mmsemi.stack_streams')."
        )


def _check_preprocessor(preprocessor: nn.Module) -> None:
    """Check that a data preprocessor is told nothing that streams do not need."""
    if isinstance(preprocessor, SemiDataPreprocessor):
        for name in ('size', 'size_divisor', 'batch_augments'):
            value = getattr(preprocessor, name)
            if value is not None:
                raise ValueError(
                    f'model.data_preprocessor.{name}={value!r} is for training '
                    'batches of mmseg, and streams have none: crops have one size. '
                    'Leave it out; padding of evaluated images is '
                    'model.data_preprocessor.test_cfg.'
                )
        pads = preprocessor.pad_val, preprocessor.seg_pad_val
        if pads != (0, 255) and not preprocessor.test_cfg:
            raise ValueError(
                f'model.data_preprocessor.pad_val={pads[0]!r} and seg_pad_val='
                f'{pads[1]!r} pad nothing: crops have one size, and '
                'model.data_preprocessor.test_cfg, which pads evaluated images, is '
                'not set. Leave them out.'
            )


def _check_loss_names(model: SemiSegmentor) -> None:
    """Check that no criterion has a name of its own, which no method logs."""
    criteria = model.decode_head.loss_decode
    many = isinstance(criteria, nn.ModuleList)
    for i, criterion in enumerate(criteria if many else [criteria]):
        parameter = inspect.signature(type(criterion)).parameters.get('loss_name')
        name = getattr(criterion, 'loss_name', None)
        usual = getattr(criterion, 'default_name', parameter and parameter.default)
        if parameter is not None and name != usual:
            place = f'loss_decode.{i}' if many else 'loss_decode'
            raise ValueError(
                f'model.decode_head.{place}.loss_name={name!r} is not logged: '
                f'{type(model).__name__} logs its supervised loss, the sum of all '
                'criteria, as loss_sup. Leave it out.'
            )


def _check_views(method: str, wanted: int, loader: DataLoader) -> None:
    """Check that the pipeline makes as many strong views as the method trains on."""
    dataset = loader.dataset
    drawn = getattr(loader.sampler, 'unlabeled_per_sample', 1)
    if not dataset.num_unlabeled or not drawn:
        setting = (
            'train_dataloader.sampler.ratio leaves them out'
            if dataset.num_unlabeled
            else 'train_dataloader.dataset has neither unlabeled_list nor train_list'
        )
        raise ValueError(
            f'{method} trains on unlabeled images, but {setting}. Change that, or '
            "use model.type='Supervised'."
        )
    if not getattr(loader.sampler, 'labeled_per_sample', 1):
        raise ValueError(
            f'{method} trains on labeled images, but train_dataloader.sampler.ratio '
            'leaves them out.'
        )
    for name, views in _views(dataset.unlabeled):
        if views != wanted:
            raise ValueError(
                f'{method} trains on {wanted} strong view{"s"[: wanted - 1]} of an '
                f'image, but the unlabeled_pipeline has {name}(num_views={views}). '
                f'Set num_views={wanted} in StrongViews and CutMixBoxes of '
                'train_dataloader.dataset.unlabeled_pipeline.'
            )


def _views(dataset: Dataset) -> list[tuple[str, int]]:
    """Return the transforms of a data set that make views, and how many each."""
    found = []
    waiting = list(dataset.pipeline.transforms)
    while waiting:
        transform = waiting.pop(0)
        if hasattr(transform, 'num_views'):
            found.append((type(transform).__name__, transform.num_views))
        inner = getattr(transform, 'transforms', ())
        waiting += inner if isinstance(inner, list | tuple) else []
    return found

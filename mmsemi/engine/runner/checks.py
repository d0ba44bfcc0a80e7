"""Check data and network before a run, so that it does not fail later."""

import os
import os.path as osp
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from itertools import product

from mmengine.config import Config
from mmengine.dataset import BaseDataset, DefaultSampler
from mmengine.evaluator import Evaluator
from mmengine.hooks import CheckpointHook, EarlyStoppingHook, Hook
from mmengine.model import BaseModule
from mmengine.optim import ReduceOnPlateauParamScheduler
from mmengine.runner import Runner
from mmseg.evaluation import IoUMetric
from mmseg.models import BaseSegmentor
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import nn
from torch.utils.data import DataLoader, Dataset

from mmsemi.datasets import ListSegDataset, SemiSegDataset
from mmsemi.datasets.fit import find_misfits, find_single_class
from mmsemi.datasets.semi_dataset import image_paths
from mmsemi.evaluation import ConfusionIoUMetric
from mmsemi.registry import METRICS
from mmsemi.utils.arguments import accepted, unknown_argument
from mmsemi.utils.codes import IGNORE
from mmsemi.utils.images import image_size
from mmsemi.utils.invocation import command
from mmsemi.utils.storage import is_missing, is_near
from mmsemi.utils.text import some

from ..hooks.health_hook import HealthHook
from ..hooks.previous_models_hook import PreviousModelsHook
from ..hooks.results_hook import ResultsHook

FOLDERS = 100_000  # of which is remembered what is in them
IOU_METRICS = ('mIoU', 'mDice', 'mFscore')


def check_batches(loader: DataLoader, world_size: int) -> None:
    """Check that the images fill at least one batch on every process.

    Args:
        loader (DataLoader): Loader of the training images.
        world_size (int): Number of processes.

    Raises:
        ValueError: They do not.
    """
    if len(loader) == 0:
        raise ValueError(
            f'{len(loader.dataset)} images do not fill one batch of '
            f'{loader.batch_size} on each of {world_size} processes. Lower '
            'total_batch_size (or train_dataloader.batch_size), or use fewer '
            'processes.'
        )


def check_train_set(dataset: Dataset) -> None:
    """Check that all training files exist, and that masks fit their images.

    As many masks as ``max_corrupt`` of the data set may differ in size.

    Raises:
        FileNotFoundError: Files are missing; they are named.
        ValueError: More masks differ in size; they are named.
    """
    if isinstance(dataset, SemiSegDataset):
        for part in dataset.parts:
            _check_pairs(part, dataset.max_corrupt)


def check_labels(dataset: Dataset, need: int = 2) -> None:
    """Check that masks show enough classes to learn, or to score.

    Args:
        dataset (Dataset): Of a training set, the labeled images are checked.
        need (int): Number of different classes. Defaults to 2.

    Raises:
        ValueError: The masks show fewer classes.
    """
    part = getattr(dataset, 'labeled', dataset)
    fault = isinstance(part, BaseDataset) and find_single_class(part, need)
    if fault:
        raise ValueError(f'{part.ann_file}: {fault}')


def check_val_set(dataset: Dataset) -> None:
    """Check that all evaluation files exist, and that masks fit their images.

    Raises:
        FileNotFoundError: Files are missing; they are named.
        ValueError: Masks differ in size from their images; they are named.
    """
    for part in inner_datasets(dataset):
        _check_pairs(part)


def inner_datasets(dataset: Dataset) -> list[BaseDataset]:
    """Return a data set, or those inside mmengine's ``ConcatDataset`` and others."""
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    if isinstance(dataset, BaseDataset):
        return [dataset]
    return [part for each in inner if each for part in inner_datasets(each)]


def check_overlap(train: Dataset, val: Dataset) -> None:
    """Check that no image is both trained on and validated on.

    Raises:
        ValueError: There are such images; they and their lists are named.
    """
    if not isinstance(train, SemiSegDataset):
        return
    folder, links = lru_cache(FOLDERS)(osp.realpath), lru_cache(FOLDERS)(_links)

    def real(path: str) -> str:
        """Resolve links as ``osp.realpath`` does, but read each folder only once."""
        head, name = osp.split(path)
        head = folder(head)
        path, among = osp.join(head, name), links(head)
        is_link = osp.islink(path) if among is None else name in among
        return osp.realpath(path) if is_link else path

    for val_part, part in product(inner_datasets(val), train.parts):
        held_out = {real(path) for path in image_paths(val_part)}
        shared = [path for path in image_paths(part) if real(path) in held_out]
        if shared:
            raise ValueError(
                f'{some(shared)} are both in {part.ann_file} and in '
                f'{val_part.ann_file}. Remove them from one of the two: a score on '
                'training images means nothing.'
            )


def _links(folder: str) -> frozenset[str] | None:
    """Return the names of the links in a folder; None if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if entry.is_symlink())
    except OSError:
        return None


def check_network(model: nn.Module, dataset: Dataset) -> None:
    """Check that network and data agree on classes and channels.

    Raises:
        ValueError: They do not; the message says where.
    """
    if isinstance(dataset, SemiSegDataset) and isinstance(model, BaseSegmentor):
        misfits = find_misfits(model, dataset.labeled)
        if misfits:
            raise ValueError(' '.join(misfits))


def check_ignored(model: nn.Module) -> None:
    """Check that losses leave out padding and unlabeled pixels, which are 255.

    Raises:
        ValueError: A setting says otherwise; it is named.
    """
    head = getattr(model, 'decode_head', None)
    if not isinstance(head, BaseDecodeHead):
        return
    settings = {'ignore_index': head.ignore_index}
    criteria = head.loss_decode
    if isinstance(criteria, nn.ModuleList):
        for i, criterion in enumerate(criteria):
            settings[f'loss_decode[{i}].ignore_index'] = _ignored_by(criterion)
    else:
        settings['loss_decode.ignore_index'] = _ignored_by(criteria)
    for name, value in settings.items():
        if value not in (None, IGNORE):
            raise ValueError(
                f'model.decode_head.{name}={value}, but pixels without a label, '
                f'padding among them, are {IGNORE}: leave it out. For classes that '
                'are not to be trained on, change the masks as they are read: '
                f'`ignore: [NAME, ...]` in the classes file of `{command("init")}`, '
                f'value_map={{{value}: {IGNORE}, ...}} of LoadSegMask, or '
                f'reduce_zero_label=True of the data sets, which makes 0 {IGNORE} '
                'and every other class one less.'
            )
    if head.num_classes > IGNORE:
        raise ValueError(
            f'model.decode_head.num_classes={head.num_classes}, but masks have '
            f'bytes, of which {IGNORE} marks pixels without a label: use at most '
            f'{IGNORE} classes.'
        )


def check_evaluator(evaluator: Evaluator, name: str) -> None:
    """Check that mmseg's metrics exist and leave out pixels without a label.

    Args:
        evaluator (Evaluator): Evaluates a validation or test.
        name (str): Config key of the evaluator.

    Raises:
        ValueError: They do not.
    """
    for metric in evaluator.metrics:
        if not isinstance(metric, IoUMetric):
            continue
        names = [metric.metrics] if isinstance(metric.metrics, str) else metric.metrics
        unknown = [name for name in names if name not in IOU_METRICS]
        if unknown or not names:
            raise ValueError(
                f'{name}.iou_metrics={list(names)} must name one or more of '
                f'{", ".join(IOU_METRICS)}.'
            )
        if metric.ignore_index != IGNORE and not isinstance(metric, ConfusionIoUMetric):
            raise ValueError(
                f'{name}.ignore_index={metric.ignore_index}, but pixels without a '
                f'label are {IGNORE}, and IoUMetric counts them as errors. Leave it '
                f"out, or use {name}.type='ConfusionIoUMetric'."
            )


def check_scores(runner: Runner, computed: Sequence[str]) -> None:
    """Check that the scores that settings name are computed.

    Args:
        runner (Runner): Its hooks and schedules name scores.
        computed (Sequence[str]): Names of a validation's scores.

    Raises:
        ValueError: A setting names another one.
    """
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook) and hook.save_best == ['auto']:
            for name in computed[:1]:  # or refuse a score of an unknown rule
                type(hook)(save_best=name, rule=hook.rules[0])
    for setting, name in _named_scores(runner):
        if name not in computed:
            raise ValueError(
                f'{setting}={name!r} names a score that the validation does not '
                f'compute. It computes {", ".join(computed) or "none"}: name one of '
                'these, or change val_evaluator (val_evaluator.iou_metrics for '
                f'{", ".join(IOU_METRICS)}).'
            )


def _named_scores(runner: Runner) -> Iterator[tuple[str, str]]:
    for hook in runner.hooks:
        place = _place_of(hook, runner.cfg)
        if isinstance(hook, CheckpointHook):
            names, key = hook.save_best or (), 'save_best'
        elif isinstance(hook, EarlyStoppingHook):
            names, key = (hook.monitor,), 'monitor'
        elif isinstance(hook, PreviousModelsHook):
            names, key = (hook.key,) if hook.admit == 'best' else (), 'key'
        elif isinstance(hook, (HealthHook, ResultsHook)):
            names, key = (hook.key,) if hook.key else (), 'key'
        else:
            continue
        yield from ((f'{place}.{key}', name) for name in names if name != 'auto')
    schedulers = runner.param_schedulers or ()
    if isinstance(schedulers, dict):
        schedulers = [each for group in schedulers.values() for each in group]
    for i, scheduler in enumerate(schedulers):
        if isinstance(scheduler, ReduceOnPlateauParamScheduler):
            yield f'param_scheduler[{i}].monitor', scheduler.monitor


def _place_of(hook: Hook, cfg: Config) -> str:
    """Return where a config has a hook."""
    kind = type(hook)
    for name, each in (cfg.get('default_hooks') or {}).items():
        if isinstance(each, dict) and each.get('type') in (kind, kind.__name__):
            return f'default_hooks.{name}'
    for i, each in enumerate(cfg.get('custom_hooks') or ()):
        if isinstance(each, dict) and each.get('type') in (kind, kind.__name__):
            return f'custom_hooks[{i}]'
    return kind.__name__


def _ignored_by(criterion: nn.Module) -> int | None:
    """Return the label that a criterion itself leaves out, if it names one."""
    return getattr(criterion, 'ignore_index', None)


def first_unlike(loader: DataLoader) -> list[int]:
    """Choose the images of an evaluation that are hardest to put into one batch.

    Returns:
        list[int]: Indices of two images of unlike sizes from the first batch
        that has such, otherwise the first image, or two from larger batches.
    """
    dataset, size = loader.dataset, loader.batch_size or 1
    in_order = isinstance(loader.sampler, DefaultSampler)
    order = list(loader.sampler) if in_order else list(range(len(dataset)))
    if size > 1 and isinstance(dataset, BaseDataset):
        with ThreadPoolExecutor(8) as pool:
            sizes = list(pool.map(partial(_size_of, dataset), order))
        for start in range(0, len(order), size):
            part = range(start, min(start + size, len(order)))
            unlike = [i for i in part if sizes[i] not in (None, sizes[start])]
            if unlike and sizes[start]:
                return [order[start], order[unlike[0]]]
    return order[: min(size, 2)]


def _size_of(dataset: BaseDataset, i: int) -> tuple[int, int] | None:
    try:
        return image_size(dataset.get_data_info(i)['img_path'])
    except (ImportError, OSError):
        return None


def check_metrics(cfg: dict) -> None:
    """Check that the metrics of a config take what it gives them.

    Several of mmseg's metrics accept any argument and drop it.

    Args:
        cfg (dict): Config of a run.

    Raises:
        TypeError: A metric of mmseg or mmsemi has no such argument.
    """
    for name in ('val_evaluator', 'test_evaluator'):
        evaluator = cfg.get(name)
        for metric in evaluator if isinstance(evaluator, list) else [evaluator]:
            if not (isinstance(metric, dict) and isinstance(metric.get('type'), str)):
                continue
            kind = METRICS.get(metric['type'])
            if kind is None or not kind.__module__.startswith(('mmseg.', 'mmsemi.')):
                continue
            for key in metric.keys() - accepted(kind) - {'type', '_scope_'}:
                raise unknown_argument(kind, key)


def pretrained_parts(model: nn.Module) -> dict[str, dict]:
    """Return ``init_cfg`` of the parts that start from files, by their names."""
    return {
        name: module.init_cfg
        for name, module in model.named_modules()
        if isinstance(module, BaseModule)
        and isinstance(module.init_cfg, dict)
        and 'checkpoint' in module.init_cfg
    }


def _check_pairs(dataset: BaseDataset, max_faults: int = 0) -> None:
    has_masks = getattr(dataset, 'need_masks', True)
    missing = _search(dataset, _missing_files if has_masks else _missing_images)
    if missing:
        raise FileNotFoundError(
            f'{dataset.ann_file} names files that do not exist: '
            f'{some(missing)}. Check `data_root` and the list.'
        )
    faults = _search(dataset, _size_faults) if has_masks else []
    if len(faults) > max_faults:
        raise ValueError(
            f'In {dataset.ann_file}: {some(faults)}. An image '
            'and its mask must have the same size.'
        )


def _search(
    dataset: BaseDataset,
    look: Callable[[BaseDataset, range], Iterable[str]],
    at_once: int = 100,
) -> list[str]:
    """Collect what ``look`` reports about some of the images, in their order."""

    def report(start: int) -> list[str]:
        part = range(start, min(start + at_once, len(dataset)))
        return list(look(dataset, part))

    with ThreadPoolExecutor(8) as pool:
        parts = pool.map(report, range(0, len(dataset), at_once))
        return [line for part in parts for line in part]


def _missing_images(dataset: ListSegDataset, part: range) -> Iterable[str]:
    return filter(is_missing, dataset.image_paths(part.start, part.stop))


def _missing_files(dataset: BaseDataset, part: range) -> Iterable[str]:
    infos = map(dataset.get_data_info, part)
    files = (info.get(key) for info in infos for key in ('img_path', 'seg_map_path'))
    return (file for file in files if file and is_missing(file))


def _size_faults(dataset: BaseDataset, part: range) -> Iterable[str]:
    """Report images and masks of different sizes, from their headers alone."""
    return (fault for i in part for fault in _size_fault(dataset.get_data_info(i)))


def _size_fault(info: dict) -> list[str]:
    if not info.get('seg_map_path') or not is_near(info['img_path']):
        return []  # what is far away is checked when it is loaded
    try:
        height, width = image_size(info['img_path'])
        mask_height, mask_width = image_size(info['seg_map_path'])
    except (ImportError, OSError) as error:
        return [f'{info["img_path"]} or its mask cannot be read ({error})']
    if (width, height) == (mask_width, mask_height):
        return []
    return [
        f'{info["img_path"]} has {width}x{height} pixels and its mask '
        f'{info["seg_map_path"]} {mask_width}x{mask_height}'
    ]

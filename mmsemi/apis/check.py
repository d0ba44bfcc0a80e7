"""Check a config's data, network and settings before a long run."""

import json
from collections.abc import Callable
from os.path import isfile
from pathlib import Path

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope
from rich.console import Console
from torch import nn

from mmsemi.datasets import SemiSegDataset
from mmsemi.datasets.fit import find_misfits
from mmsemi.engine import SemiRunner
from mmsemi.engine.runner.batch import samples_per_step
from mmsemi.engine.runner.bypassed import check_hooks, check_parts_used, check_wrappers
from mmsemi.engine.runner.checks import check_metrics, pretrained_parts
from mmsemi.measuring.cost import Cost
from mmsemi.measuring.work import trainings
from mmsemi.preparation.inspection import (
    ERROR,
    WARNING,
    Finding,
    class_rows,
    inspect_lists,
    list_rows,
)
from mmsemi.registry import DATASETS, HOOKS, MODELS
from mmsemi.utils.arguments import named_by_config
from mmsemi.utils.checkpoint import find_weights
from mmsemi.utils.files import write_whole
from mmsemi.utils.storage import is_address

from .check_cost import Whole, cost_findings, predict_whole, whole_row
from .check_report import show
from .check_views import compare_views, view_findings, view_rows


def build(cfg: Config, loader: str, findings: list[Finding]) -> BaseDataset | None:
    """Build a data set of the config; add a finding and return None if it fails."""
    dataset = cfg.get(loader, {}).get('dataset')
    if dataset is None:
        return None
    try:
        with named_by_config(cfg):
            return DATASETS.build(dataset)
    except (OSError, ValueError) as error:
        findings.append(Finding(ERROR, 'lists', f'{loader}: {error}'))
        return None


def collect_parts(cfg: Config, findings: list[Finding]) -> dict[str, BaseDataset]:
    """Build the data set of each list of a config, keyed by its name."""
    train = build(cfg, 'train_dataloader', findings)
    parts = dict(val=build(cfg, 'val_dataloader', findings))
    if isinstance(train, SemiSegDataset):
        parts = dict(labeled=train.labeled, unlabeled=train.unlabeled, **parts)
    return {name: part for name, part in parts.items() if part is not None}


def check_config(
    cfg: Config, parts: dict[str, BaseDataset], findings: list[Finding]
) -> None:
    """Check that the network fits the data, that its weights exist, and the batch."""
    with named_by_config(cfg):
        check_metrics(cfg)
        model = MODELS.build(cfg.model)
    dataset = parts.get('labeled') or parts.get('val')
    if dataset is not None:
        findings += [
            Finding(ERROR, 'network', message)
            for message in find_misfits(model, dataset)
        ]
    for part, init_cfg in pretrained_parts(model).items():
        file = init_cfg['checkpoint']
        if not is_address(file) and not isfile(find_weights(file)):
            findings.append(
                Finding(
                    ERROR,
                    'weights',
                    f'There is no file {file} to initialise the {part} from. '
                    'Put it there, or below MMSEMI_DATA, or start from random '
                    f'weights: `--cfg-options model.{part}.init_cfg=None`.',
                )
            )
    findings += bypassed(cfg, model)
    samples = epoch_length(cfg, parts)
    try:
        step = samples_per_step(cfg)
    except ValueError as error:
        findings.append(Finding(ERROR, 'batch', str(error)))
        return
    if 0 < samples < step:
        findings.append(
            Finding(
                ERROR,
                'batch',
                f'{samples} samples do not fill a batch of {step}. Lower '
                'total_batch_size (or train_dataloader.batch_size).',
            )
        )


def bypassed(cfg: Config, model: nn.Module) -> list[Finding]:
    """Return what of a config its method would bypass, or lacks."""
    try:
        loader = dict(cfg.train_dataloader, num_workers=0, persistent_workers=False)
        loader.setdefault('batch_size', 1)
        check_wrappers(loader['dataset'])
        with named_by_config(cfg):
            check_parts_used(model, SemiRunner.build_dataloader(loader))
            hooks = [HOOKS.build(hook) for hook in cfg.get('custom_hooks') or ()]
        check_hooks(model, hooks, cfg)
    except OSError:
        pass  # a finding about the lists
    except ValueError as error:
        return [Finding(ERROR, 'config', str(error))]
    return []


def epoch_length(cfg: Config, parts: dict[str, BaseDataset]) -> int:
    """Count the samples of the shortest epoch of a run; 0 without lists."""
    counts = (len(parts.get(name) or ()) for name in ('labeled', 'unlabeled'))
    return min(training.samples for training in trainings(cfg, *counts))


def starting(console: Console) -> Callable[[str], None]:
    """Return a function that says what is measured next."""
    return lambda what: console.print(f'Measuring {what} ...', highlight=False)


def measure(
    cfg: Config,
    parts: dict[str, BaseDataset],
    findings: list[Finding],
    console: Console,
) -> tuple[Cost, Whole] | None:
    """Measure what the training costs; add a finding and return None if it fails."""
    try:
        return predict_whole(cfg, parts, starting(console))
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        findings.append(Finding(ERROR, 'step', f'A training step fails: {error}'))
        return None


def run_check(
    cfg: Config,
    name: str,
    json_file: Path | None = None,
    strict: bool = False,
    step: bool = True,
    checkpoint: str | None = None,
) -> int:
    """Check a config, and print the report.

    Args:
        cfg (Config): The config, with its settings resolved.
        name (str): What the report calls it.
        json_file (Path, optional): File to write the report to, too.
        strict (bool): Treat warnings as errors.  Defaults to False.
        step (bool): Run a training step to measure it.  Defaults to True.
        checkpoint (str, optional): A trained network: check what strong views of
            labeled images cost it, too.

    Returns:
        int: 1 if there are errors, else 0.
    """
    init_default_scope(cfg.get('default_scope', 'mmsemi'))
    console = Console()
    console.print('Building data sets and network ...')
    findings: list[Finding] = []
    parts = collect_parts(cfg, findings)
    check_config(cfg, parts, findings)
    lists, found = inspect_lists(parts)
    findings += found
    broken = any(f.level == ERROR for f in findings)
    cost = whole = None
    if step and not broken and 'labeled' in parts:
        cost, whole = measure(cfg, parts, findings, console) or (None, None)
    if whole:
        findings += cost_findings(whole)
    masked = parts.get('labeled') or parts.get('val')
    classes = masked.metainfo['classes'] if masked is not None else ()
    views = None
    if checkpoint and not broken and 'labeled' in parts:
        views = compare_views(cfg, parts['labeled'], checkpoint, starting(console))
        findings += view_findings(views, classes)
    report = dict(
        config=name,
        lists=list_rows(lists),
        classes=class_rows(lists, classes),
        cost=cost._asdict() if cost else None,
        training=whole_row(whole) if whole else None,
        views=view_rows(views, classes) if views else None,
        findings=[f._asdict() for f in findings],
    )
    show(console, report)
    if json_file:
        write_whole(json_file, json.dumps(report, indent=1).encode())
    errors = sum(f.level == ERROR for f in findings)
    warnings = sum(f.level == WARNING for f in findings)
    print(f'{errors} errors, {warnings} warnings.')
    return 1 if errors or (strict and warnings) else 0

"""What a config needs."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mmsemi.preparation.splits.table import PUBLISHED
from mmsemi.utils.extras import need_types
from mmsemi.utils.invocation import command

from .finding import Finding
from .machine import folders

AREA = 'Config'
LOADERS = ('train_dataloader', 'val_dataloader')
LISTS = ('train_list', 'labeled_list', 'unlabeled_list', 'ann_file')


def needs(config: str, load: Callable[[], Any]) -> Iterator[Finding]:
    """Look for the packages, lists, weights and folders that a config names.

    Args:
        config (str): Its name, as the user gave it.
        load (Callable): Reads the config.
    """
    try:
        cfg = load()
    except (OSError, ValueError, ImportError) as error:
        cure = f'{command("ls")} lists the configs that come with mmsemi'
        yield Finding(AREA, 'config', 'error', str(error), cure)
        return
    yield Finding(AREA, 'config', 'ok', str(cfg.filename))
    try:
        need_types(cfg.to_dict())
    except ImportError as error:
        text, _, cure = str(error).partition(': ')
        yield Finding(AREA, 'packages', 'error', text, cure)
    yield from _lists(cfg)
    yield from _weights(cfg.model)
    yield from folders('work dir', Path(cfg.work_dir), 'name another: --work-dir', AREA)
    yield Finding(
        AREA,
        'images and masks',
        'note',
        'not looked at here',
        f'{command("check")} {config} reads all of them',
    )


def _lists(cfg: Any) -> Iterator[Finding]:
    """Look for the lists of the data sets."""
    seen: set[Path] = set()
    missing: dict[Path, list[str]] = {}
    for loader in LOADERS:
        dataset = (cfg.get(loader) or {}).get('dataset') or {}
        while 'dataset' in dataset:
            dataset = dataset['dataset']
        root = Path(dataset.get('data_root') or '')
        if dataset.get('prepare'):
            if root not in seen:
                text = f'{root}: made by the first training, if it is not there'
                yield Finding(AREA, 'data', 'ok', text)
            seen.add(root)
            continue
        files = [root / dataset[key] for key in LISTS if dataset.get(key)]
        for file in files:
            if file in seen:
                continue
            seen.add(file)
            if file.is_file():
                yield Finding(AREA, 'list', 'ok', str(file))
            else:
                missing.setdefault(root, []).append(str(file))
    for root, names in missing.items():
        cure = 'MMSEMI_DATA or --cfg-options data_root=FOLDER names another folder'
        if root.name in PUBLISHED:
            cure = f'{command("splits")} {root.name} fetches them; {cure}'
        yield Finding(AREA, 'lists', 'error', f'there is no {", ".join(names)}', cure)


def _weights(model: Any) -> Iterator[Finding]:
    """Look for the weights that parts of a network start from."""
    from mmsemi.utils.checkpoint import find_weights

    for file in sorted(set(_checkpoints(model))):
        if '://' in file:
            text = f'{file}: downloaded, or taken from a package, by the first training'
            yield Finding(AREA, 'weights', 'ok', text)
        elif os.path.isfile(find_weights(file)):
            yield Finding(AREA, 'weights', 'ok', find_weights(file))
        else:
            yield Finding(
                AREA,
                'weights',
                'error',
                f'there is no {file}, nor below MMSEMI_DATA',
                'README.md says what they are; without them, --cfg-options '
                'model.backbone.init_cfg=None',
            )


def _checkpoints(node: Any) -> Iterator[str]:
    """Yield the files of every ``init_cfg`` below a part of a config."""
    if isinstance(node, dict):
        init = node.get('init_cfg')
        if isinstance(init, dict) and isinstance(init.get('checkpoint'), str):
            yield init['checkpoint']
        node = list(node.values())
    if isinstance(node, list | tuple):
        for child in node:
            yield from _checkpoints(child)

"""The cells of a sweep: what each trains, where, and what it has left."""

import fcntl
import json
import os
import re
import shlex
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmsemi.utils.config import load_config, parse_options
from mmsemi.utils.files import write_whole
from mmsemi.utils.settings import SETTINGS

from .plan import Method, Plan

RECORD = 'cell.json'
LOG = 'cell.log'
# Of the settings of a config those that a result does not depend on: what a run
# writes and shows, where it is, how processes share memory, and what is done after
# training.
ASIDE = frozenset(
    'custom_names default_hooks experiment_name launcher log_level log_processor '
    'rehearse resume sharding test_cfg test_dataloader test_evaluator tta_model '
    'tta_pipeline upload_to vis_backends visualizer work_dir'.split()
)
ASIDE_ANYWHERE = frozenset(
    'data_root num_workers persistent_workers pin_memory prefetch_factor'.split()
)


@dataclass(frozen=True)
class Cell:
    """One training of a sweep.

    Attributes:
        name (str): ``METHOD/SPLIT/OPTIONS/seedN``, without parts that the sweep
            does not have.
        method (str): Name of the method.
        origin (str): 'published' or 'ours'.
        split (str): Name of the split, or ''.
        options (str): Name of the options, or ''.
        seed (int): Seed.
        config (str): As the file of the sweep names it.
        config_file (str): What the command trains.
        settings (dict[str, str]): Its ``--cfg-options``.
        folder (Path): Its work dir.
        score (str): Which score counts.
        start (Cell, optional): It starts from this one's last checkpoint.
    """

    name: str
    method: str
    origin: str
    split: str
    options: str
    seed: int
    config: str
    config_file: str
    settings: dict[str, str] = field(hash=False)
    folder: Path
    score: str
    start: 'Cell | None'

    @property
    def said(self) -> str:
        """All its settings, as a row of the results has them."""
        start = [f'load_from={self.start.name}'] if self.start else []
        given = [f'{key}={value}' for key, value in self.settings.items()]
        return shlex.join([*given, *start])

    def command(self) -> list[str]:
        """Return the command that trains it, or continues what it has begun.

        Raises:
            FileNotFoundError: The cell that it starts from has no checkpoint.
        """
        words = self._words()
        if self.start and '--resume' not in words:
            words.append(f'load_from={last_checkpoint(self.start.folder)}')
        return words

    def shown_command(self) -> str:
        """Return the command as a user types it."""
        try:
            return shlex.join(['mmsemi', *self.command()])
        except FileNotFoundError:  # the cell that it starts from comes first
            file = self.start.folder / 'last_checkpoint'
            return f'{shlex.join(["mmsemi", *self._words()])} load_from=$(cat {file})'

    def _words(self) -> list[str]:
        resume = ['--resume'] if self.has_checkpoint() else []
        settings = (f'{key}={value}' for key, value in self.settings.items())
        return [
            *('train', self.config_file, '--work-dir', str(self.folder)),
            *(*resume, '--cfg-options', *settings),
        ]

    def has_checkpoint(self) -> bool:
        """Tell whether there is a checkpoint to resume from."""
        return any(
            not file.name.startswith('best_') for file in self.folder.rglob('*.pth')
        )

    @property
    def record(self) -> dict[str, Any]:
        """What a sweep has noted about it; empty if it has not begun."""
        file = self.folder / RECORD
        return json.loads(file.read_text()) if file.is_file() else {}

    def note(self, **values: Any) -> None:
        """Add to what is noted about it."""
        content = json.dumps({**self.record, **values}, indent=1)
        write_whole(self.folder / RECORD, content.encode())

    def resolved(self) -> dict[str, Any]:
        """Return its whole config, as far as it determines the result.

        Raises:
            FileNotFoundError: There is no such config.
            ValueError: A setting is wrong.
        """
        options = parse_options(f'{k}={v}' for k, v in self.settings.items())
        asked = Namespace(
            config=self.config_file,
            cfg_options=options,
            launcher='none',
            local_rank=0,
            work_dir=str(self.folder),
        )
        try:
            cfg = load_config(asked)
        except (FileNotFoundError, ValueError) as error:
            raise type(error)(f'{self.name}: {error}') from error
        kept = {key: cfg[key] for key in SETTINGS - ASIDE if key in cfg}
        return json.loads(json.dumps(dict(leaves(kept)), default=repr))

    @contextmanager
    def locked(self) -> Iterator[int | None]:
        """Lock the cell; yield the lock, None if another process has it.

        Who inherits the number of the open file holds the lock until it ends,
        whatever happens to this process.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.folder / '.lock', os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            yield None
            return
        except OSError:  # a file system without locks
            pass
        try:
            yield lock
        finally:
            os.close(lock)

    def last_line(self) -> str:
        """Return the last line of its log that says something."""
        file = self.folder / LOG
        text = file.read_text(errors='replace') if file.is_file() else ''
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else 'nothing in its log'


def cells_of(plan: Plan) -> list[Cell]:
    """Return all cells of a sweep, those first that others start from.

    Raises:
        ValueError: Two cells would have the same folder.
    """
    cells: dict[tuple, Cell] = {}

    def add(method: Method, split: str, option: str, seed: int) -> Cell:
        key = method.name, split, option, seed
        if key not in cells:
            start = None
            if method.start:
                first = plan.methods[method.start]
                own = option if option in first.options else next(iter(first.options))
                start = add(first, split, own, seed)
            cells[key] = _cell(plan, method, split, option, seed, start)
        return cells[key]

    for seed in plan.seeds:  # a sweep that is stopped early has whole tables
        for split in plan.splits:
            for method in plan.methods.values():
                for option in method.options:
                    add(method, split, option, seed)
    folders: dict[Path, str] = {}
    for cell in cells.values():
        if other := folders.get(cell.folder):
            raise ValueError(
                f'{plan.file}: the cells {other} and {cell.name} would have the same '
                f'folder, {cell.folder}. Rename one.'
            )
        folders[cell.folder] = cell.name
    return list(cells.values())


def _cell(
    plan: Plan, method: Method, split: str, option: str, seed: int, start: Cell | None
) -> Cell:
    parts = [method.name, split, option, f'seed{seed}']
    parts = [_slug(part) for part in parts if part]
    config = method.config.replace('{split}', split).replace('{seed}', str(seed))
    beside = plan.file.parent / config
    return Cell(
        name='/'.join(parts),
        method=method.name,
        origin=method.origin,
        split=split,
        options=option,
        seed=seed,
        config=config,
        config_file=str(beside) if beside.is_file() else config,
        settings={
            **method.cfg_options,
            **plan.splits[split],
            **method.options[option],
            'randomness.seed': str(seed),
        },
        folder=plan.work_dir.joinpath(*parts),
        score=method.score,
        start=start,
    )


def _slug(name: str) -> str:
    return re.sub(r'[^\w.+-]+', '-', name).strip('-.') or '-'


def last_checkpoint(folder: Path) -> Path:
    """Return the last checkpoint of a run; of self-training, of its last stage.

    Raises:
        FileNotFoundError: It has none.
    """
    found = sorted(
        [*folder.glob('last_checkpoint'), *folder.glob('*_retraining/last_checkpoint')],
        key=_stage,
    )
    if not found:
        raise FileNotFoundError(f'{folder} has no checkpoint to start from.')
    return Path(found[-1].read_text().strip())


def results_file(folder: Path) -> Path | None:
    """Return the scores of a run; of self-training, of its last stage."""
    found = [*folder.glob('results.json'), *folder.glob('*_retraining/results.json')]
    return max(found, key=_stage, default=None)


def _stage(file: Path) -> int:
    number = file.parent.name.partition('_')[0]
    return int(number) if number.isdecimal() else 0


def leaves(node: Any, path: str = '') -> Iterator[tuple[str, Any]]:
    """Yield name, with dots, and value of everything below a part of a config."""
    if isinstance(node, dict | list | tuple) and node:
        items = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in items:
            if key not in ASIDE_ANYWHERE:
                yield from leaves(value, f'{path}.{key}' if path else str(key))
    else:
        yield path, node


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Say which settings differ, as ``NAME: BEFORE, now NOW``."""
    nothing = object()

    def show(value: Any) -> str:
        return 'not set' if value is nothing else repr(value)

    return [
        f'{key}: {show(before.get(key, nothing))}, now {show(now.get(key, nothing))}'
        for key in sorted(before.keys() | now.keys())
        if before.get(key, nothing) != now.get(key, nothing)
    ]


def python_command(words: list[str]) -> list[str]:
    """Return a command of ``mmsemi`` for this interpreter."""
    return [sys.executable, '-m', 'mmsemi', *words]

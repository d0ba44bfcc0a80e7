"""Predict what a configured training costs, and what would make it cheaper."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset

from mmsemi.engine.runner.batch import samples_per_step
from mmsemi.measuring.cost import Cost, measure_cost, measure_prediction
from mmsemi.measuring.footprint import predict_footprint
from mmsemi.measuring.savings import Saving, changes, measure_savings, memory_changes
from mmsemi.measuring.work import Work, checkpoint_bytes, count_work, memory_limit
from mmsemi.preparation.inspection import WARNING, Finding
from mmsemi.registry import DATASETS, MODELS

DAY, GIB = 24 * 3600, 2**30
FULL = 0.9  # of the memory: the rest is for the system, workers and gaps


class Option(NamedTuple):
    """A setting, and what the training would cost with it.

    Attributes:
        what (str): In words.
        how (str): What to type.
        seconds (float): Of the whole training.
        memory (int): Peak bytes of a step.
    """

    what: str
    how: str
    seconds: float
    memory: int


class Share(NamedTuple):
    """Memory of one of the processes that share the weights.

    Attributes:
        processes (int): Their number.
        held (int): Bytes of its share of weights, moments and teacher.
        memory (int): Peak bytes of a step.
    """

    processes: int
    held: int
    memory: int


class Whole(NamedTuple):
    """What a training costs as a whole, in one process.

    Attributes:
        seconds (float): Of everything.
        training (float): Of the steps.
        validation (float): Of the validations.
        labeling (float): Of self-training's labels.
        steps (int): Training steps.
        validations (int): Number of validations.
        memory (int): Peak bytes of a step.
        memory_limit (int): Bytes that the machine has.
        disk (int): Bytes of the checkpoints, at most.
        options (list[Option]): What to change, if a day or the memory are exceeded.
        shares (list[Share]): With ``sharding``, what it needs on several processes.
    """

    seconds: float
    training: float
    validation: float
    labeling: float
    steps: int
    validations: int
    memory: int
    memory_limit: int
    disk: int
    options: list[Option]
    shares: list[Share]

    @property
    def too_long(self) -> bool:
        """Tell whether it takes more than a day."""
        return self.seconds > DAY

    @property
    def too_large(self) -> bool:
        """Tell whether it needs more memory than there is."""
        return self.memory > FULL * self.memory_limit


def predict_whole(
    cfg: Config, parts: dict[str, BaseDataset], starting: Callable[[str], None]
) -> tuple[Cost, Whole]:
    """Measure a step and a prediction, and count how many there will be.

    Args:
        cfg (Config): Config of the training, with its settings resolved.
        parts (dict[str, BaseDataset]): ``labeled``, ``unlabeled`` and ``val``.
        starting (Callable): Is told what is measured next.

    Raises:
        OSError, RuntimeError, TypeError, ValueError: A step fails.
    """
    starting('a training step')
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    cost = measure_cost(cfg, dataset, samples_per_step(cfg))
    val = parts.get('val')
    predict = load = 0.0
    if val is not None:
        starting('the prediction of a validation image')
        predict, load = measure_prediction(cfg, val)
    work = count_work(cfg, *(len(parts.get(n) or ()) for n in ('labeled', 'unlabeled')))
    workers = max(cfg.train_dataloader.get('num_workers', 0), 1)
    val_workers = max(cfg.get('val_dataloader', {}).get('num_workers', 0), 1)
    training = work.steps * max(cost.step, cost.load / workers)
    image = max(predict, load / val_workers)
    validation = work.validations * len(val or ()) * image
    labeling = work.predictions * predict
    whole = Whole(
        training + validation + labeling,
        training,
        validation,
        labeling,
        work.steps,
        work.validations,
        cost.memory,
        memory_limit(),
        checkpoint_bytes(cfg, MODELS.build(cfg.model), work),
        [],
        list(predict_shares(cfg)) if cfg.get('sharding') else [],
    )
    if whole.too_long or whole.too_large:
        whole = whole._replace(options=find_options(cfg, cost, whole, work, starting))
    return cost, whole


def predict_shares(cfg: Config) -> Iterator[Share]:
    """Yield the memory of a process among 2, 4 and 8, from shapes alone."""
    for processes in (2, 4, 8):
        try:
            samples_per_step(cfg, processes)
        except ValueError:
            return  # the batch cannot be divided further
        held, memory = predict_footprint(cfg, processes)
        yield Share(processes, held, memory)


def cost_findings(whole: Whole) -> Iterator[Finding]:
    """Warn of a training that takes more than a day, or does not fit."""
    cheaper = ''
    if whole.options:
        first = whole.options[0]
        cheaper = f' Cheapest change: {first.what} ({first.how}).'
    if whole.too_long:
        said = f'The training takes about {whole.seconds / DAY:.1f} days.{cheaper}'
        yield Finding(WARNING, 'time', said)
    if whole.too_large:
        yield Finding(
            WARNING,
            'memory',
            f'A step needs about {whole.memory / GIB:.1f} GiB, but there are '
            f'{whole.memory_limit / GIB:.1f}.{cheaper}',
        )


def whole_row(whole: Whole) -> dict[str, Any]:
    """Return the fields for a report."""
    lists = {
        name: [row._asdict() for row in getattr(whole, name)]
        for name in ('options', 'shares')
    }
    return dict(whole._asdict(), **lists)


def find_options(
    cfg: Config, cost: Cost, whole: Whole, work: Work, starting: Callable[[str], None]
) -> list[Option]:
    """Find settings with which a training takes less time or memory.

    Args:
        cfg (Config): Config of the training.
        cost (Cost): Of a step.
        whole (Whole): Of the training.
        work (Work): What it does.
        starting (Callable): Is told what is measured next.

    Returns:
        list[Option]: The shortest training first, or the one of least memory;
        then those that do less.
    """
    wanted = list(changes(cfg, torch.cuda.is_available()))
    if whole.too_large:
        wanted += memory_changes(cfg)
    savings = measure_savings(cfg, wanted, starting)
    # Together: the smaller crop, and the best of what changes the network.
    networks = sorted((s for s in savings if s.network), key=lambda s: s.time)[:1]
    inputs = [s for s in savings if not s.network]
    if networks and inputs:
        (a,), (b,) = networks, inputs
        how = f'both: {a.how} and {b.how}'
        time, memory = a.time * b.time, a.memory * b.memory
        savings.append(Saving(f'{a.what}, {b.what}', how, time, memory, True))
    workers = max(cfg.train_dataloader.get('num_workers', 0), 1)
    found = []
    for saving in savings:
        step = max(saving.time * cost.step, cost.load / workers)
        # Validation and labels are counted as before: whole images.
        seconds = work.steps * step + whole.validation + whole.labeling
        memory = int(saving.memory * whole.memory)
        found.append(Option(saving.what, saving.how, seconds, memory))
    found.sort(key=lambda o: o.memory if whole.too_large else o.seconds)
    best = min([whole.seconds, *(option.seconds for option in found)])
    return found + (_fewer(cfg, whole, work, best) if whole.too_long else [])


def _fewer(cfg: Config, whole: Whole, work: Work, best: float) -> list[Option]:
    """Return the options that change how much is done, not how.

    Args:
        cfg (Config): Config of the training.
        whole (Whole): What it costs.
        work (Work): What it does.
        best (float): Seconds of the whole training with the best other option.
    """
    found = []
    loop = cfg.train_cfg
    key = 'max_epochs' if 'max_epochs' in loop else 'max_iters'
    unit = 'epochs' if key == 'max_epochs' else 'steps'
    for seconds, after in ((best, ' after the first change'), (whole.seconds, '')):
        fits = int(loop[key] * DAY / seconds)
        if 1 <= fits < loop[key] and (seconds < whole.seconds or not after):
            found.append(
                Option(
                    f'{fits} {unit} instead of {loop[key]}{after}: a day',
                    f'--cfg-options train_cfg.{key}={fits}',
                    seconds * fits / loop[key],
                    whole.memory,
                )
            )
    if whole.validation > 0.2 * whole.seconds and work.validations > 4:
        interval = loop.get('val_interval', 1) * 4
        found.append(
            Option(
                f'a quarter of the {work.validations} validations',
                f'--cfg-options train_cfg.val_interval={interval}',
                whole.seconds - 0.75 * whole.validation,
                whole.memory,
            )
        )
    return found

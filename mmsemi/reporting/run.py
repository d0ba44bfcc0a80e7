"""What a training has left in its work dir."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from .config_text import flatten
from .log_file import Log, Warned

# A confusion matrix: pixels of each class (rows) predicted as each (columns).
Confusion = list[list[int]]
ClassScores = dict[str, dict[str, float | None]]
FINISHED, RUNNING, STOPPED = 'finished', 'running', 'stopped'


class Point(NamedTuple):
    """A logged value.

    Attributes:
        step (int): Steps of training that were done.
        value (float): May be NaN.
    """

    step: int
    value: float


@dataclass
class Validation:
    """The scores of one validation.

    Attributes:
        epoch (int): Epochs that were done.
        step (int): Steps that were done.
        scores (dict): Those of all classes together, such as ``mIoU``, in
            percent; an EMA teacher's begin with ``teacher_``.
        classes (dict): Those of every class; None where there is nothing to
            divide by.
        confusion (list, optional): Of the network that is validated.
    """

    epoch: int
    step: int
    scores: dict[str, float] = field(default_factory=dict)
    classes: ClassScores = field(default_factory=dict)
    confusion: Confusion | None = None


class Picture(NamedTuple):
    """A picture that the run has drawn.

    Attributes:
        kind (str): 'val' (``ValidationPicturesHook``), 'pseudo'
            (``PseudoLabelHook``), or another hook's first word.
        image (str): What it shows, the same at every time.
        time (int): Epochs or steps, whichever the training counts; of
            'pseudo' always steps.
        file (Path): The picture.
    """

    kind: str
    image: str
    time: int
    file: Path


@dataclass
class Run:
    """What a training has left in its work dir, whole or not.

    Attributes:
        work_dir (Path): The folder.
        name (str): Name of the run, unique among those read together.
        settings (dict): The config, :func:`.config_text.read_settings`.
        scalars (dict[str, list[Point]]): Logged values by name, without
            ``train/``; of a resumed run, those of the steps that count.
        validations (list[Validation]): In order.
        logs (list[Log]): One for each process that trained: more than one if
            the run was resumed.
        pictures (list[Picture]): Sorted by kind, image and time.
        stages (list[Run]): Of self-training; the run itself has no scalars.
        reliability (dict[str, float]): Score of each unlabeled image under
            self-training, the most reliable one first.
        labeled_images (int, optional): Of a stage that writes pseudo-labels.
        label_accuracy (dict, optional): Of these: ``accuracy`` of all and of each
            of ``classes``, in [0, 1], on a number of ``images`` with masks.
        missing (list[str]): What is not there, and what it takes to have it.
        modified (float): When a file was written last, seconds since 1970.
    """

    work_dir: Path
    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    scalars: dict[str, list[Point]] = field(default_factory=dict)
    validations: list[Validation] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    stages: list['Run'] = field(default_factory=list)
    reliability: dict[str, float] = field(default_factory=dict)
    labeled_images: int | None = None
    label_accuracy: dict[str, Any] | None = None
    missing: list[str] = field(default_factory=list)
    modified: float = 0.0
    marked_finished: bool = False

    @cached_property
    def config(self) -> dict[str, Any]:
        """The config with dotted names."""
        return flatten(self.settings)

    @property
    def method(self) -> str:
        """Name of the method; with self-training, that of the network's."""
        return str(self.config.get('model.type', '?'))

    @property
    def dataset(self) -> str:
        """Name of the data's folder and of the labeled list or its folder."""
        root = self.config.get('train_dataloader.dataset.data_root') or '?'
        listed = self.config.get('train_dataloader.dataset.labeled_list') or ''
        split = Path(str(listed))
        split = split.parent if split.stem == 'labeled' else split
        return f'{Path(str(root)).name} {split.stem}'.strip()

    @property
    def by_epoch(self) -> bool:
        """Tell whether the training counts epochs."""
        return 'train_cfg.max_iters' not in self.config

    @property
    def epoch_length(self) -> int | None:
        """Steps of an epoch, if it is known."""
        known = [log.epoch_length for log in self.logs if log.epoch_length]
        if known:
            return known[-1]
        for each in self.validations:
            if each.epoch and each.step:
                return round(each.step / each.epoch)
        return None

    @property
    def steps(self) -> int:
        """Steps that were done, as far as they are logged."""
        logged = [points[-1].step for points in self.scalars.values() if points]
        return max([*logged, *(each.step for each in self.validations)], default=0)

    @property
    def total_steps(self) -> int | None:
        """Steps of the whole training, if they are known."""
        if not self.by_epoch:
            return self.config['train_cfg.max_iters']
        epochs, length = self.config.get('train_cfg.max_epochs'), self.epoch_length
        return epochs * length if epochs and length else None

    @property
    def score_key(self) -> str:
        """The score that chooses the best checkpoint; else one that there is."""
        wanted = self.config.get('default_hooks.checkpoint.save_best', 'mIoU')
        wanted = wanted[0] if isinstance(wanted, list | tuple) and wanted else wanted
        names = [name for each in self.validations for name in each.scores]
        if wanted in names or not names:
            return str(wanted)
        return 'mIoU' if 'mIoU' in names else names[0]

    @property
    def last(self) -> Validation | None:
        """The last validation."""
        return self.validations[-1] if self.validations else None

    def best(self, key: str | None = None) -> Validation | None:
        """Return the validation with the best score.

        Args:
            key (str, optional): The score.  Defaults to None: the one that
                chooses the best checkpoint.
        """
        key = key or self.score_key
        found = [each for each in self.validations if key in each.scores]
        if not found:
            return None
        less = self.config.get('default_hooks.checkpoint.rule') == 'less'
        choose = min if less else max
        return choose(found, key=lambda each: each.scores[key])

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, as far as they are known."""
        names = self.config.get('val_dataloader.dataset.metainfo.classes') or ()
        if not names and self.last:
            names = self.last.classes
        return [str(name) for name in names]

    @property
    def seed(self) -> Any:
        """Seed of the run."""
        for log in reversed(self.logs):
            if 'seed' in log.environment:
                return log.environment['seed']
        return self.config.get('randomness.seed')

    @property
    def warnings(self) -> list[Warned]:
        """Warnings of all processes, in order."""
        return [each for log in self.logs for each in log.warnings]

    @property
    def environment(self) -> dict[str, str]:
        """Versions and devices of the newest process."""
        return self.logs[-1].environment if self.logs else {}

    @property
    def seconds(self) -> float:
        """Seconds that all processes took, validations included."""
        return sum(log.seconds for log in self.logs)

    def state(self, now: float) -> str:
        """Tell whether the run is finished, running or stopped.

        Args:
            now (float): Seconds since 1970.
        """
        if self.stages:
            states = [stage.state(now) for stage in self.stages]
            return RUNNING if RUNNING in states else states[-1]
        total = self.total_steps
        if self.marked_finished or (total is not None and self.steps >= total):
            return FINISHED
        if self.logs and self.logs[-1].signaled:
            return STOPPED
        pace = self.mean('time') or 0.0
        return RUNNING if now - self.modified < max(600, 200 * pace) else STOPPED

    def mean(self, name: str) -> float | None:
        """Return the mean of a scalar, None if there is none."""
        values = [p.value for p in self.scalars.get(name, ()) if p.value == p.value]
        return sum(values) / len(values) if values else None


def duration(seconds: float) -> str:
    """Write seconds as a person would: ``40 s``, ``3 min``, ``2 h 05 min``."""
    if seconds < 100:
        return f'{seconds:.0f} s'
    minutes = round(seconds / 60)
    if minutes < 100:
        return f'{minutes} min'
    return f'{minutes // 60} h {minutes % 60:02} min'

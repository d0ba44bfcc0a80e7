"""Read what only the log of a run says: times, environment, warnings."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

HEAD = re.compile(r'(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) - \S+ - ([A-Z]+) - (.*)')
STEP = re.compile(r'(?:Epoch\(train\) +\[(\d+)\]|Iter\(train\) +)\[ *(\d+)/(\d+)\]')
EPOCH = re.compile(r'of which (\d+) are an epoch')  # of a training by iterations
SETTING = re.compile(r' {4}([^:]{1,40}): (.+)')
BLOCK = re.compile(r'(System|Runtime) environment:')
# Libraries about themselves: nothing to do for whoever reads a report.
NOISE = (
    'The prefix is not set in metric class',
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
    '`pin_memory` is set',
    'draw is False',
    'Could not import OneDL',
    'is not a meta file, simply parsed',
)


@dataclass
class Warned:
    """A warning of a run.

    Attributes:
        text (str): The first line says what, and what helps.
        level (str): 'WARNING' or 'ERROR'.
        step (int): Steps that were done when it came first.
        count (int): How often it came.
    """

    text: str
    level: str
    step: int
    count: int = 1


@dataclass
class Log:
    """What the log of one process, from its start to its end, says.

    Attributes:
        start, end (datetime, optional): Time of the first and last line.
        environment (dict[str, str]): Versions, devices, seed.
        warnings (list[Warned]): Each text once, in order; without those of
            libraries about themselves.
        trains (bool): It logged a step of training.
        epoch_length (int, optional): Steps of an epoch.
        total (int, optional): Steps of the training, where it counts steps.
        signaled (bool): It ended because of a SIGTERM.
    """

    start: datetime | None = None
    end: datetime | None = None
    environment: dict[str, str] = field(default_factory=dict)
    warnings: list[Warned] = field(default_factory=list)
    trains: bool = False
    epoch_length: int | None = None
    total: int | None = None
    signaled: bool = False

    @property
    def seconds(self) -> float:
        """Seconds from the first line to the last."""
        if self.start is None or self.end is None:
            return 0.0
        return (self.end - self.start).total_seconds()


def read_log(file: Path) -> Log:
    """Read a log file, also of a run that is still writing it.

    Args:
        file (Path): Of MMEngine's logger.
    """
    log, step, inside = Log(), 0, False
    with open(file, encoding='utf-8', errors='replace') as lines:
        for time, level, text in _records(lines):
            log.start = log.start or time
            log.end = time
            if BLOCK.search(text):
                inside = True
            if inside and not log.environment:
                log.environment = dict(_settings(text.splitlines()))
                inside = False
            if match := STEP.search(text):
                log.trains = True
                epoch, done, total = match.groups()
                if epoch:
                    log.epoch_length = int(total)
                    step = (int(epoch) - 1) * int(total) + int(done)
                else:
                    log.total, step = int(total), int(done)
            if match := EPOCH.search(text):
                log.epoch_length = int(match[1])
            if level in ('WARNING', 'ERROR', 'CRITICAL'):
                _note(log.warnings, text.strip(), level, step)
            if text.startswith('SIGTERM'):
                log.signaled = True
    return log


def _records(lines: Iterable[str]) -> Iterable[tuple[datetime, str, str]]:
    """Yield time, level and text of every message, which may have many lines."""
    time, level, text = None, '', []
    for line in lines:
        if match := HEAD.match(line):
            if time is not None:
                yield time, level, '\n'.join(text)
            time = datetime.strptime(match[1], '%Y/%m/%d %H:%M:%S')
            level, text = match[2], [match[3]]
        else:
            text.append(line.rstrip('\n'))
    if time is not None:
        yield time, level, '\n'.join(text)


def _settings(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        if match := SETTING.fullmatch(line.rstrip()):
            if match[1] not in ('PyTorch compiling details', 'GCC'):
                yield match[1], match[2]


def _note(found: list[Warned], text: str, level: str, step: int) -> None:
    if not text or any(noise in text for noise in NOISE):
        return
    for each in found:
        if each.text == text:
            each.count += 1
            return
    found.append(Warned(text, level, step))

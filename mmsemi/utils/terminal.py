"""What a run says on the terminal; its log file has everything."""

import importlib.util
import logging
import os
import os.path as osp
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import rich
from rich.console import Console, RenderableType
from rich.file_proxy import FileProxy
from rich.text import Text

from .quiet import LOGGED

if TYPE_CHECKING:  # `mmsemi doctor` runs without the stack
    from mmengine.logging import MMLogger

# Their notes (config, environment, hooks, options of each parameter) go to the
# log file only; their warnings go to both.
LIBRARIES = ('mmengine', 'mmcv', 'mmseg', 'mmpretrain')
FILE_ONLY = dict(terminal=False)  # `extra` of a note that the terminal does not need
WIDTH = 200  # of a table in a file
COLORS = {logging.WARNING: '33', logging.ERROR: '31', logging.CRITICAL: '31'}


class TerminalHandler(logging.StreamHandler):
    """Write a logger's records on the terminal, above a progress bar if any.

    Notes of :data:`LIBRARIES`, those marked :data:`FILE_ONLY` and the warnings
    :data:`.quiet.LOGGED` are left out unless the level is DEBUG, where everything
    is shown.

    Args:
        level (int): The lowest level that is shown.
    """

    def __init__(self, level: int) -> None:
        logging.Handler.__init__(self, level)
        self.addFilter(self._concerns)

    @property
    def stream(self) -> TextIO:
        """Return today's ``sys.stdout``, which a progress bar replaces."""
        return sys.stdout

    def _concerns(self, record: logging.LogRecord) -> bool:
        if self.level <= logging.DEBUG:
            return True
        if record.levelno >= logging.WARNING:
            return not record.getMessage().startswith(LOGGED)
        if not getattr(record, 'terminal', True):
            return False
        return not osp.abspath(record.pathname).startswith(_library_folders())

    def format(self, record: logging.LogRecord) -> str:
        """Return the message, after the level if it is not a note."""
        text = record.getMessage()
        if record.levelno >= logging.WARNING:
            level = record.levelname.lower()
            if (color := COLORS.get(record.levelno)) and on_terminal():
                level = f'\x1b[{color}m{level}\x1b[0m'
            text = f'{level}: {text}'
        if record.exc_info:
            text += '\n' + logging.Formatter().formatException(record.exc_info)
        return text


@cache
def _library_folders() -> tuple[str, ...]:
    specs = filter(None, map(importlib.util.find_spec, LIBRARIES))
    folders = (spec.submodule_search_locations or () for spec in specs)
    return tuple(osp.join(each, '') for found in folders for each in found)


def calm(logger: 'MMLogger') -> 'MMLogger':
    """Let a logger of MMEngine say on the terminal only what a reader needs.

    Args:
        logger (MMLogger): Its handler of the terminal is replaced, with its
            level and filters; that of the log file stays.
    """
    for i, handler in enumerate(logger.handlers):
        if type(handler) is logging.StreamHandler:
            quiet = TerminalHandler(handler.level)
            for each in handler.filters:
                quiet.addFilter(each)
            logger.handlers[i] = quiet
    return logger


def console() -> Console:
    """Return the console that all output and all progress bars share."""
    return rich.get_console()


def on_terminal() -> bool:
    """Tell whether a person sees the output as it is written."""
    return sys.stdout.isatty() and not console().is_dumb_terminal


def say(*what: RenderableType) -> None:
    """Print on the terminal, from one of all processes.

    Lines of text are not broken, so that paths and commands can be copied.

    Args:
        *what: Text, or tables of rich.
    """
    wide = console() if on_terminal() else Console(width=WIDTH)
    for each in what if _speaks() else ():
        text = isinstance(each, str | Text)
        (console() if text else wide).print(
            each, soft_wrap=text, highlight=False, markup=False
        )


def _speaks() -> bool:
    """Tell whether this is the process that speaks for all."""
    if 'mmengine' in sys.modules:
        from mmengine.dist import is_distributed, is_main_process

        if is_distributed():
            return is_main_process()
    rank = os.environ.get('RANK') or os.environ.get('SLURM_PROCID') or '0'
    return rank == '0'


def say_rows(rows: Iterable[tuple[str, object]]) -> None:
    """Print names and what belongs to them in two columns.

    Args:
        rows (Iterable): Name and value; those that are empty are left out.
    """
    shown = [(name, str(value)) for name, value in rows if value]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        say(Text.assemble((name.ljust(width), 'bold'), '  ', value))


def near(path: str | os.PathLike) -> str:
    """Return a path as one would type it here: from the current folder, if below.

    Args:
        path (str | PathLike): A file or a folder.
    """
    path, here = Path(os.path.abspath(path)), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def stop_redirecting() -> None:
    """Give a forked process, which draws no progress bar, its own output back."""
    for name in ('stdout', 'stderr'):
        stream = getattr(sys, name)
        if isinstance(stream, FileProxy):
            setattr(sys, name, stream.rich_proxied_file)

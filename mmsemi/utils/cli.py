"""Report the errors of command line tools.

An expected error, such as a missing file or a setting that nothing reads, is one
message and exit status 1.  Any other error keeps its traceback.  ``--traceback``
shows it for all errors.
"""

import argparse
import os
import os.path as osp
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable

ROOT = osp.dirname(osp.dirname(osp.dirname(osp.abspath(__file__))))
OURS = tuple(osp.join(ROOT, name, '') for name in ('mmsemi', 'tools', 'benchmarks'))
MMENGINE = osp.join('mmengine', 'runner', '')  # settings that contradict each other
LOST = ('Connection closed by peer', 'Connection reset by peer', 'Socket closed')
GLOO = re.compile(r'^\[[^\]]*\] |\. This is typically.*')  # its place, its guess
PATIENCE = 30  # seconds; processes may start at different times
FRAME = re.compile(r'^  File "(?P<file>.+)", line \d+, in .+\n +(?P<line>.+)$', re.M)
MESSAGE = re.compile(r'^(?:[A-Za-z_][\w.]*(?:Error|File|Exception|Warning)): ', re.M)


def add_traceback_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--traceback``, which :func:`run_tool` reads."""
    parser.add_argument(
        '--traceback',
        action='store_true',
        help='show where in the code an error was raised',
    )


def run_tool(main: Callable[[], int | None]) -> None:
    """Run a tool, and print an expected error as one message.

    Of several processes, the first that fails on each machine prints its error.

    Args:
        main (Callable): The tool; returns its exit status, None for 0.

    Raises:
        SystemExit: The status is not 0, or there was an error: status 1, or 130
            after Ctrl-C.
    """
    try:
        status = main()
    except KeyboardInterrupt:
        if '--traceback' in sys.argv:
            raise
        if prints_errors(None):
            print('Interrupted.', file=sys.stderr, flush=True)
        status = 128 + signal.SIGINT
    except Exception as error:
        if '--traceback' in sys.argv:
            raise
        message = expected_message(error)
        if prints_errors(message):
            sys.stdout.flush()
            if message is None:
                traceback.print_exc()
                message = (
                    'This error was not expected. Please report it as an issue of '
                    'mmsemi, with the command and all of the above.'
                )
            print(f'error: {message}', file=sys.stderr, flush=True)
        status = 1
    if status:
        sys.exit(status)


def expected_message(error: BaseException) -> str | None:
    """Return the message of an error that a user can cure, None for others.

    Expected are errors of the file system and the network, errors that mmsemi
    raises itself, also in a process that loads data, and a full GPU.
    """
    torch = sys.modules.get('torch')
    if torch and isinstance(error, torch.OutOfMemoryError):
        return (
            f'{_first_line(error)} Use a smaller batch (total_batch_size), crop_size '
            'or network, or gradient_checkpointing=True: docs/performance.md.'
        )
    text = str(error)
    if 'in DataLoader worker process' in text and 'Original Traceback' in text:
        frames = FRAME.findall(text)
        starts = [match.end() for match in MESSAGE.finditer(text)]
        if frames and starts and _is_raised_here(*frames[-1]):
            return text[starts[-1] :].strip()
        return None
    if isinstance(error, OSError):
        if error.filename and error.strerror:
            return f'{error.filename}: {error.strerror}'
        return text or type(error).__name__
    if isinstance(error, RuntimeError) and any(reason in text for reason in LOST):
        reason = GLOO.sub('', _first_line(error))
        return f'Another process of this run has ended ({reason}).'
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, KeyError) and error.args:
        text = str(error.args[0])  # without the quotes
    if frames and _is_raised_here(frames[-1].filename, frames[-1].line or ''):
        return text
    if isinstance(error, ValueError) and frames:
        line = frames[-1].line or ''
        if MMENGINE in frames[-1].filename and line.startswith('raise'):
            return text
    return None


def _is_raised_here(file: str, line: str) -> bool:
    """Tell whether a line is a ``raise`` of mmsemi or its tools."""
    return osp.abspath(file).startswith(OURS) and line.startswith('raise')


def _first_line(error: BaseException) -> str:
    return str(error).partition('\n')[0]


def prints_errors(message: str | None) -> bool:
    """Tell whether this process, of all on its machine, prints its error.

    Processes that do not are late: launchers end all others when one exits, and
    the one that prints should be the first.
    """
    if not _is_distributed():
        # Before the processes know one another all read the same config.
        rank = os.environ.get('LOCAL_RANK') or os.environ.get('SLURM_LOCALID') or '0'
        if rank != '0':
            _wait_to_be_ended()
        return True
    from .compat import default_store

    machine = os.environ.get('GROUP_RANK', '0')
    try:
        first = default_store().add(f'mmsemi_errors_{machine}', 1) == 1
    except RuntimeError:  # the process that kept count has ended
        lost = (message or '').startswith('Another process')
        elsewhere = machine != '0' and os.environ.get('LOCAL_RANK') == '0'
        return elsewhere or not lost
    if not first:
        _wait_to_be_ended()
    return first


def _wait_to_be_ended() -> None:
    """Give the launcher time to end this process, which saves nothing any more."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    time.sleep(PATIENCE)


def _is_distributed() -> bool:
    """Tell whether the processes of a run know one another; imports nothing."""
    distributed = sys.modules.get('torch.distributed')
    return bool(
        distributed and distributed.is_available() and distributed.is_initialized()
    )

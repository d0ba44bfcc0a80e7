"""Know how this process was started: by ``mmsemi`` or by a script in ``tools/``.

Hints name commands as the user typed the last one.
"""

import os
import sys
from pathlib import Path

# Of a checkout; an installed package has none.
TOOLS = Path(__file__).resolve().parents[2] / 'tools'
# Scripts that are named differently from their command.
SCRIPTS = {
    'browse': 'analysis/browse_dataset',
    'check': 'data/check_dataset',
    'confusion-matrix': 'analysis/confusion_matrix',
    'convert-masks': 'data/convert_masks',
    'corrmatch-pictures': 'analysis/corrmatch_pictures',
    'export-teacher': 'export_teacher',
    'from-released': 'model_converters/from_released',
    'init': 'data/init_dataset',
    'make-scenes': 'data/make_scenes',
    'splits': 'data/prepare_splits',
    'to-released': 'model_converters/to_released',
}


def started_by_script() -> bool:
    """Tell whether a script in ``tools/`` started this process."""
    return Path(sys.argv[0]).resolve().is_relative_to(TOOLS)


def started_by_command() -> bool:
    """Tell whether ``mmsemi`` or ``python -m mmsemi`` started this process."""
    if sys.argv[0] == '-m':  # until Python knows the module's file
        return sys.orig_argv[sys.orig_argv.index('-m') + 1] == 'mmsemi'
    file = Path(sys.argv[0])
    return file.stem == 'mmsemi' or file.parts[-2:] == ('mmsemi', '__main__.py')


def command(name: str) -> str:
    """Return what to type for a command of ``mmsemi``.

    Args:
        name (str): Its name, as in ``mmsemi --help``.

    Returns:
        str: ``mmsemi NAME``; if a script in ``tools/`` started this process,
        ``python tools/NAME.py``, or ``python -m mmsemi NAME`` for a command without
        a script.
    """
    if not started_by_script():
        return f'mmsemi {name}'
    script = TOOLS / f'{SCRIPTS.get(name, name)}.py'
    if not script.is_file():
        return f'python -m mmsemi {name}'
    near = os.path.relpath(script)
    return f'python {script if near.startswith(os.pardir) else near}'


def this_command() -> list[str]:
    """Return the words that start this command again, in another process."""
    script = Path(sys.argv[0])
    # On Windows the command is a program; `python -m mmsemi` names a module's file.
    if script.is_file() and script.name != '__main__.py' and script.suffix != '.exe':
        return [sys.executable, *sys.argv]
    return [sys.executable, '-m', 'mmsemi', *sys.argv[1:]]

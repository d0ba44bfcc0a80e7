"""Run the tools as users do."""

import contextlib
import functools
import io
import os
import runpy
import subprocess
import sys
from pathlib import Path
from unittest import mock

from mmsemi.commands.main import app
from mmsemi.commands.shared import run_app
from mmsemi.utils.cli import run_tool

ROOT = Path(__file__).parents[2]
TINY = ROOT / 'tests/configs/tiny.py'


def run(*args, ok: bool = True, env=None) -> str:
    """Run a command in the project root; return its output.

    Args:
        args: The command; ``python`` means this interpreter.
        ok (bool): Whether the command must succeed; else it must fail.
        env (dict, optional): Added to the environment.
    """
    args = [sys.executable if a == 'python' else str(a) for a in args]
    done = subprocess.run(
        args,
        cwd=ROOT,
        env=dict(os.environ, OMP_NUM_THREADS='1', **(env or {})),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert (done.returncode == 0) == ok, done.stdout[-6000:]
    return done.stdout


def call(tool, *args, ok: bool = True) -> str:
    """Run a tool in this process, as its script does; return its output.

    Args:
        tool (str): Path from the project root, or ``mmsemi``.
        args: Command line arguments.
        ok (bool): Whether it must succeed; else it must fail.
    """
    output = io.StringIO()
    if tool == 'mmsemi':
        main = functools.partial(run_app, app, 'mmsemi')
    else:
        main = runpy.run_path(str(ROOT / tool))['main']
    with (
        mock.patch.object(sys, 'argv', [tool, *map(str, args)]),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
    ):
        try:
            run_tool(main)
            status = 0
        except SystemExit as end:
            status = end.code
    assert (not status) == ok, output.getvalue()
    return output.getvalue()

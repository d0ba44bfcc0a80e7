"""The help of every command: at once, and with examples."""

import json
import subprocess
import sys

import pytest
import typer

from mmsemi.commands.main import app

# Each takes a second or more to import.
SLOW = ('torch', 'mmengine', 'mmcv', 'mmseg', 'matplotlib', 'scipy')
ASK = """
import contextlib, io, json, sys
from mmsemi.commands.main import app
from mmsemi.commands.shared import run_app
helps = {}
for words in json.loads(sys.argv[1]):
    sys.argv = ['mmsemi', *words, '--help']
    with contextlib.redirect_stdout(io.StringIO()) as output:
        run_app(app, 'mmsemi')
    helps[' '.join(words)] = output.getvalue()
print(json.dumps([helps, sorted(sys.modules)]))
"""


def commands(group=None, before=()):
    """Name all commands, and the groups of commands, as words."""
    found = [list(before)] if before else []
    group = group or typer.main.get_command(app)
    for name, command in getattr(group, 'commands', {}).items():
        found += commands(command, (*before, name))
    return found


COMMANDS = [' '.join(words) for words in commands()]


@pytest.fixture(scope='module')
def asked(tmp_path_factory):
    """The helps by command, and the modules that were imported for them."""
    words = json.dumps(commands())
    done = subprocess.run(
        [sys.executable, '-c', ASK, words],
        cwd=tmp_path_factory.mktemp('empty'),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_no_help_waits_for_slow_imports(asked):
    assert not set(asked[1]) & set(SLOW)


@pytest.mark.parametrize('command', COMMANDS)
def test_help_has_an_example(command, asked):
    usage, *lines = map(str.strip, asked[0][command].strip().splitlines())
    assert usage.startswith(f'Usage: mmsemi {command}'.strip())
    assert any(f'{line} '.startswith(f'mmsemi {command} ') for line in lines)

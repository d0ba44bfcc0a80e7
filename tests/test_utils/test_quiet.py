"""Messages that a user can do nothing about stay away, others do not."""

import logging
import subprocess
import sys

import mmengine.logging


def test_debug_messages_without_a_logger(capsys):
    mmengine.logging.print_log('for debugging', level=logging.DEBUG)
    mmengine.logging.print_log('for the user')
    mmengine.logging.print_log('a warning', None, logging.WARNING)
    assert capsys.readouterr().out == 'for the user\na warning\n'


def test_importing_everything_says_nothing():
    code = 'import mmsemi, mmseg.datasets, mmseg.models, mmsemi.datasets, mmsemi.apis'
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True
    )
    assert done.stdout == ''
    assert 'OneDL' not in done.stderr

"""Messages that a user can do nothing about stay away, others do not."""

import logging
import subprocess
import sys
import warnings

import mmengine.logging
import pytest
import torch
from mmengine.visualization import Visualizer
from mmseg.engine import SegVisualizationHook
from mmseg.models.utils import resize

from mmsemi.evaluation import ConfusionIoUMetric
from mmsemi.utils.quiet import quiet_warnings


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


def test_warnings_of_the_default_settings(capfd):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter('always')
        warnings.simplefilter('ignore', ResourceWarning)  # of other tests
        quiet_warnings()
        Visualizer.get_instance('quiet')
        SegVisualizationHook()
        resize(torch.zeros(1, 1, 10, 12), (40, 48), mode='bilinear', align_corners=True)
        assert [str(each.message) for each in found] == []
        warnings.warn('The draw is done', stacklevel=1)
    assert len(found) == 1, 'others are shown'
    ConfusionIoUMetric()  # MMEngine would warn that it has no prefix
    assert 'prefix' not in ''.join(capfd.readouterr())


@pytest.mark.parametrize('prefix', (None, 'val'))
def test_the_prefix_of_a_metric(prefix):
    assert ConfusionIoUMetric(prefix=prefix).prefix == (prefix or '')

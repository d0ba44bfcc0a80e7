"""The table of hooks in docs/design.md is correct."""

import re

import pytest

from mmsemi.engine import SemiRunner, hooks
from mmsemi.registry import HOOKS
from tests.helpers.runs import make_config
from tests.helpers.tools import ROOT

CUSTOM = ('EMATeacherHook', 'PreviousModelsHook', 'SnapshotHook', 'UploadHook')
ROW = re.compile(r'^\| `(\w+Hook)`[^|]*\| `([A-Z_]+)` \|', re.M)


@pytest.fixture(scope='module')
def table():
    """Rows of the table: names and priorities, in order."""
    return ROW.findall((ROOT / 'docs/design.md').read_text())


def test_a_run_calls_them_in_this_order(table, plain_configs, tiny_data, tmp_path):
    """With default_runtime.py, and each hook that is not in it."""
    cfg = make_config('prevmatch', tiny_data, tmp_path)
    cfg.custom_hooks = [dict(type=name) for name in CUSTOM]
    runner = SemiRunner.from_cfg(cfg)
    runner.call_hook('before_run')  # HealthHook adds NonFiniteHook
    assert [(type(h).__name__, str(h.priority)) for h in runner.hooks] == table


def test_the_table_has_every_hook(table):
    ours = {name for name in hooks.__all__ if name in HOOKS.module_dict}
    assert ours <= {name for name, _ in table}
    assert len(ours) > 10
    for name, priority in table:
        assert HOOKS.get(name).priority == priority

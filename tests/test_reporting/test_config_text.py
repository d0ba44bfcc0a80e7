"""Configs are read, not run."""

import pytest
from mmengine.config import Config

from mmsemi.reporting.config_text import differences, flatten, read_settings
from mmsemi.utils.shipped import CONFIGS


@pytest.mark.parametrize(
    'name', ['unimatch_v2/ade20k_1-16_dinov2-b', 'st/camvid_1-8_r18']
)
def test_reads_what_mmengine_dumps(name, tmp_path):
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    cfg.dump(tmp_path / 'dumped.py')
    assert (
        read_settings(tmp_path / 'dumped.py')
        == Config.fromfile(tmp_path / 'dumped.py').to_dict()
    )


def test_runs_nothing(tmp_path):
    file = tmp_path / 'config.py'
    file.write_text(f'import os\na = open({str(tmp_path / "made")!r}, "w")\n')
    with pytest.raises(ValueError, match='not a config that a run has saved'):
        read_settings(file)
    file.write_text(f'a = open({str(tmp_path / "made")!r}, "w")\n')
    assert 'open' in read_settings(file)['a']
    assert not (tmp_path / 'made').exists()


def test_flatten():
    settings = dict(
        model=dict(type='FixMatch', size=(1, 2)),
        custom_hooks=[dict(type='A')],
        geometry=[dict(type='RandomFlip')],  # a variable
        empty={},
    )
    assert flatten(settings) == {
        'model.type': 'FixMatch',
        'model.size': (1, 2),
        'custom_hooks.0.type': 'A',
        'empty': {},
    }


def test_differences():
    a, b = dict(x=1, y=2, work_dir='a'), dict(x=1, y='2', z=None, work_dir='b')
    assert differences([a, b]) == {'y': ['2', "'2'"], 'z': [None, 'None']}
    assert differences([a, a]) == {}

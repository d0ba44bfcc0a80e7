"""mmseg's own tools, as docs/openmmlab.md promises them."""

import json
from pathlib import Path

import mmseg
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmsemi.registry import MODELS
from tests.helpers.tools import TINY, call

STOCK = Path(mmseg.__file__).parent / '.mim/tools'


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    """These tools write where they are called."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope='module')
def config(tiny_data, tmp_path_factory):
    """A config over the tiny data."""
    cfg = Config.fromfile(TINY)
    for name in ('train', 'val', 'test'):
        cfg[f'{name}_dataloader'].dataset.data_root = str(tiny_data)
    file = tmp_path_factory.mktemp('config') / 'tiny.py'
    cfg.dump(file)
    return file


@pytest.fixture(scope='module')
def checkpoint(config):
    init_default_scope('mmsemi')
    model = MODELS.build(Config.fromfile(config).model)
    file = config.with_name('weights.pth')
    torch.save(dict(state_dict=model.state_dict()), file)
    return file


def stock(tool, *args):
    return call(STOCK / tool, *args)


def test_flops(config):
    args = (config, '--shape', 65, '--cfg-options', 'scope=mmsemi')
    said = stock('analysis_tools/get_flops.py', *args)
    assert 'Flops: ' in said and 'Params: ' in said


def test_print_config(config):
    assert "type='RankMatch'" in stock('misc/print_config.py', config, '--graph')
    assert Path('example-graph.txt').is_file()


def test_test(config, checkpoint, tmp_path):
    stock('test.py', config, checkpoint, '--work-dir', tmp_path, '--tta')
    (scores,) = tmp_path.glob('2*/2*.json')
    assert 0 <= json.loads(scores.read_text())['test/mIoU'] <= 100


def test_benchmark(config, checkpoint, tmp_path):
    """With fewer images than it measures, the tool still runs."""
    args = (config, checkpoint, '--work-dir', tmp_path)
    with pytest.warns(RuntimeWarning, match='mean of empty|empty slice'):
        assert 'Average fps' in stock('analysis_tools/benchmark.py', *args)


def test_train(config, tmp_path):
    options = ('runner_type=mmsemi.SemiRunner', 'train_cfg.max_epochs=1')
    args = (config, '--work-dir', tmp_path / 'run', '--cfg-options', *options)
    stock('train.py', *args)
    assert (tmp_path / 'run/epoch_1.pth').is_file()

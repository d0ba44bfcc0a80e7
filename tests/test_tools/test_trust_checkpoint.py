"""A checkpoint that would run code, given to the tools."""

import os
import runpy
import sys
from pathlib import Path

import pytest
import torch

from mmsemi.registry import RUNNERS
from mmsemi.utils.checkpoint import read_checkpoint
from tests.helpers.runs import make_config
from tests.helpers.tools import ROOT, TINY, run
from tests.test_utils.test_checkpoint import Payload


@pytest.fixture(scope='module')
def folder(tiny_data, plain_configs, tmp_path_factory) -> Path:
    """With ``own.pth``, which makes a folder ``ran`` when it is unpickled."""
    folder = tmp_path_factory.mktemp('trust')
    cfg = make_config('rankmatch', tiny_data, folder / 'work')
    cfg.train_cfg.max_epochs = 1
    RUNNERS.build(cfg).train()
    checkpoint = read_checkpoint(folder / 'work/epoch_1.pth')
    checkpoint['meta']['note'] = Payload(os.mkdir, str(folder / 'ran'))
    torch.save(checkpoint, folder / 'own.pth')
    return folder


def arguments(tool, folder, data):
    checkpoint, data_root = folder / 'own.pth', f'data_root={data}'
    new = ['--work-dir', folder / 'new', '--cfg-options', data_root]
    image = data / 'images/val/0.png'
    return {
        'train': [TINY, '--resume', checkpoint, *new],
        'test': [TINY, checkpoint, *new],
        'predict': [image, TINY, checkpoint, '--out-dir', folder / 'out'],
        'export_teacher': [checkpoint, folder / 'teacher.pth'],
        'model_converters/from_released': [checkpoint, folder / 'ours.pth'],
        'model_converters/to_released': [checkpoint, folder / 'theirs.pth'],
    }[tool]


@pytest.mark.parametrize(
    'tool',
    [
        'train',
        'test',
        'predict',
        'export_teacher',
        'model_converters/from_released',
        'model_converters/to_released',
    ],
)
def test_refused(tool, folder, tiny_data, monkeypatch):
    """The message names the file, the object in it, and the option."""
    monkeypatch.setattr(
        sys, 'argv', [tool, *map(str, arguments(tool, folder, tiny_data))]
    )
    main = runpy.run_path(str(ROOT / f'tools/{tool}.py'))['main']
    with pytest.raises(ValueError) as refusal:
        main()
    assert 'own.pth holds posix.mkdir' in str(refusal.value)
    assert '--trust-checkpoint' in str(refusal.value)
    assert not (folder / 'ran').exists()


def test_trusted(folder, tiny_data):
    """Only the option lets the run continue."""
    output = run(
        'python',
        'tools/train.py',
        '--trust-checkpoint',
        *arguments('train', folder, tiny_data),
        'train_cfg.max_epochs=2',
    )
    assert 'of which 2 are done' in output
    assert (folder / 'ran').exists()
    assert (folder / 'new/epoch_2.pth').exists()

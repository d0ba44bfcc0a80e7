"""Eval-mode logits of released checkpoints, converted for our configs."""

import json
from itertools import cycle

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmsemi.apis import init_model
from tests.helpers.tools import ROOT
from tests.test_tools.converters import WRAPPINGS, convert

from . import released

CONFIGS = {
    'unimatch_resnet50_os16': 'unimatch/pascal_1-16_r50.py',
    'unimatch_resnet101_os16': 'unimatch/cityscapes_1-16.py',
    'unimatch_xception65': 'unimatch/coco_1-512_xc65.py',
    'corrmatch_resnet101_os8': 'corrmatch/pascal_1-16.py',
    'st_deeplabv3plus_resnet50': 'st/pascal_1-16_r50.py',
    'st_deeplabv3plus_resnet101': 'st/cityscapes_1-16.py',
    'st_pspnet_resnet50': 'st/pascal_1-16_r50_pspnet.py',
    'st_deeplabv2_resnet101': 'st/pascal_1-16_deeplabv2.py',
}


def test_every_released_network_is_here(golden):
    names = {path.stem for path in (golden / 'keys').glob('*.json')}
    assert names >= set(CONFIGS)  # another folder may hold more


@pytest.mark.parametrize('name,wrapping', [*zip(CONFIGS, cycle(WRAPPINGS))])
def test_logits(golden, tmp_path, name, wrapping):
    figures = np.load(golden / 'forward.npz')
    expected = figures[f'{name}_logits']
    shapes = json.loads((golden / 'keys' / f'{name}.json').read_text())
    state = {
        key: torch.as_tensor(released.fill(key, shape, np.float32))
        for key, shape in shapes.items()
    }
    torch.save(WRAPPINGS[wrapping](state), tmp_path / 'released.pth')
    config = tmp_path / 'config.py'
    config.write_text(
        f'_base_ = {str(ROOT / "configs" / CONFIGS[name])!r}\n'
        f'model = dict(decode_head=dict(num_classes={expected.shape[1]}))'
    )
    convert(
        'from_released',
        tmp_path / 'released.pth',
        tmp_path / 'ours.pth',
        '--config',
        config,
    )

    model = init_model(Config.fromfile(config), str(tmp_path / 'ours.pth'), 'cpu')
    with torch.no_grad():
        logits = model.logits(torch.as_tensor(figures['image'])).numpy()
        large = released.rnd(int(figures['image321_seed']), 1, 3, 321, 321)
        logits321 = model.logits(torch.as_tensor(large)).numpy()
    for ours, theirs in (
        (logits, expected),
        (logits321[:, :, ::20, ::20], figures[f'{name}_logits321']),
    ):
        assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).mean()

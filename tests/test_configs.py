"""Every config builds, and says what its name says."""
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmsemi.registry import MODELS

ROOT = Path(__file__).parents[1]
CONFIGS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / 'configs').glob('[!_]*/*.py'))

TYPES = dict(
    supervised='Supervised',
    fixmatch='FixMatch',
    unimatch='UniMatch',
    rankmatch='RankMatch',
    corrmatch='CorrMatch',
    prevmatch='PrevMatch',
    st='Supervised',
    stpp='Supervised')


@pytest.fixture(scope='module')
def built():
    """Networks that were built before, by what decides their shape."""
    return {}


@pytest.mark.parametrize('name', CONFIGS)
def test_builds(name, built):
    cfg = Config.fromfile(ROOT / name)
    method = Path(name).parent.name
    assert cfg.default_scope == 'mmsemi'
    assert cfg.runner_type == ('SelfTrainingRunner' if method in ('st', 'stpp')
                               else 'SemiRunner')
    assert (ROOT / name).read_text().startswith(
        f'# python tools/train.py {name}\n')
    if method in TYPES:
        assert cfg.model.type == TYPES[method]

    cfg.model.backbone.init_cfg = None
    key = repr(cfg.model)
    if key not in built:
        # Shapes without numbers, where the backbone can do without.
        resnet = 'ResNet' in cfg.model.backbone.type
        with torch.device('meta' if resnet else 'cpu'):
            built[key] = MODELS.build(cfg.model)
    model = built[key]
    assert model.num_classes == len(cfg.metainfo.classes)
    assert len(cfg.metainfo.classes) == len(cfg.metainfo.palette)
    depth = cfg.model.backbone.get('depth')
    if depth:
        named = re.search(r'_r(\d+)', name)
        assert depth == (int(named[1]) if named else 101)

"""Fixtures that every test may use."""
import os
from pathlib import Path
from typing import Iterator

import cv2
from hypothesis import HealthCheck, settings
import numpy as np
import pytest
from mmengine.registry import init_default_scope

HERE = Path(__file__).parent

# The same cases every time; `--hypothesis-profile fuzz`: others, and more.
settings.register_profile(
    'mmsemi',
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.register_profile(
    'fuzz', settings.get_profile('mmsemi'), derandomize=False,
    max_examples=5000)
settings.load_profile('mmsemi')


@pytest.fixture(scope='session')
def golden() -> Path:
    """Folder of the released trainers' figures (see tests/data/golden).

    ``MMSEMI_GOLDEN`` names another one with the same files.
    """
    return Path(os.environ.get('MMSEMI_GOLDEN', HERE / 'data' / 'golden'))


@pytest.fixture(autouse=True)
def mmsemi_scope() -> None:
    """Names are looked up as under ``default_scope = 'mmsemi'``."""
    init_default_scope('mmsemi')


@pytest.fixture(scope='module')
def plain_configs() -> Iterator[None]:
    """Configs that are written down are not laid out.

    MMEngine does so for every checkpoint, which is most of the time of a run
    of seconds.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('yapf.yapflib.yapf_api.FormatCode',
                      lambda code, **kwargs: (code, False))
        yield


@pytest.fixture(scope='session')
def tiny_data(tmp_path_factory) -> Path:
    """A data root of 8 train and 3 val images of 4 classes, 48x40."""
    root = tmp_path_factory.mktemp('tiny_data')
    rng = np.random.default_rng(0)
    for split, count in (('train', 8), ('val', 3)):
        lines = []
        for i in range(count):
            mask = np.zeros((40, 48), np.uint8)
            x, y = (int(v) for v in rng.integers(10, 30, 2))
            cv2.circle(mask, (x, y), 9, 1, -1)
            cv2.rectangle(mask, (x, y), (x + 12, y + 9), 2, -1)
            cv2.line(mask, (0, x), (47, y), 3, 4)
            mask[:2] = 255
            image = rng.normal(60 + 50 * (mask % 4)[..., None], 25,
                               (40, 48, 3)).clip(0, 255).astype(np.uint8)
            names = f'images/{split}/{i}.png', f'labels/{split}/{i}.png'
            for name, pixels in zip(names, (image, mask)):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(root / name), pixels)
            lines.append(' '.join(names))
        (root / 'splits').mkdir(exist_ok=True)
        (root / 'splits' / f'{split}.txt').write_text('\n'.join(lines))
        if split == 'train':
            (root / 'splits/labeled.txt').write_text('\n'.join(lines[:3]))
    return root

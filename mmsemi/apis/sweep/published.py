"""Published scores, from the metafiles of the configs."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from mmengine.fileio import load

from mmsemi.utils.shipped import CONFIGS, find_config


class Published(NamedTuple):
    """The published score of a config, mIoU in percent.

    Attributes:
        best (float, optional): At the best validation.
        last (float, optional): After the last step.
        source (str): Address of the repository that has it.
    """

    best: float | None
    last: float | None
    source: str


@lru_cache(maxsize=1)
def published_scores() -> dict[str, Published]:
    """Return the published scores by the names of the configs."""
    found = {}
    for file in sorted(CONFIGS.glob('*/metafile.yml')):
        for model in load(file)['Models']:
            config = model['Config'].removeprefix('configs/').removesuffix('.py')
            for result in model['Results']:
                if result['Origin'] == 'published':
                    scores = result['Metrics']
                    found[config] = Published(
                        scores.get('mIoU'), scores.get('mIoU (last)'), result['Source']
                    )
    return found


def config_name(config: str) -> str:
    """Return the name of a shipped config; of another one what is given."""
    try:
        path = Path(find_config(config)).resolve()
    except FileNotFoundError:  # in a table from elsewhere
        return config
    if not path.is_relative_to(CONFIGS):
        return config
    return path.relative_to(CONFIGS).with_suffix('').as_posix()

"""The table of published lists, and the configs that name them."""

import re

import pytest

from mmsemi.preparation.splits.table import PUBLISHED
from tests.helpers.tools import ROOT

COUNTS = {
    'pascal': {
        'train_aug': 10582,
        'val': 1449,
        '92': 92,
        '183': 183,
        '366': 366,
        '732': 732,
        '1464': 1464,
        '1_16': 662,
        '1_8': 1323,
        '1_4': 2646,
        'u2pl_1_16': 662,
        'u2pl_1_8': 1323,
        'u2pl_1_4': 2646,
    },
    'cityscapes': {
        'train': 2975,
        'val': 500,
        '1_30': 100,
        '1_16': 186,
        '1_8': 372,
        '1_4': 744,
        '1_2': 1488,
    },
    'coco': {
        'train': 118287,
        'val': 5000,
        '1_512': 232,
        '1_256': 463,
        '1_128': 925,
        '1_64': 1849,
        '1_32': 3697,
    },
    'ade20k': {
        'train': 20210,
        'val': 2000,
        '1_128': 158,
        '1_64': 316,
        '1_32': 632,
        '1_16': 1263,
        '1_8': 2526,
    },
    'ade20k_v2': {
        'v2_1_64': 316,
        'v2_1_32': 631,
        'v2_1_16': 1263,
        'v2_1_8': 2526,
        'v2_1_4': 5052,
        'v2_1_2': 10105,
    },
    'cityscapes_v2': {'train_extra': 19998},
}


def test_table_holds_the_published_counts():
    assert {
        dataset: {name: entry.lines for name, entry in splits.lists.items()}
        for dataset, splits in PUBLISHED.items()
    } == COUNTS


@pytest.mark.parametrize('method', ['unimatch', 'corrmatch', 'stpp'])
def test_configs_name_the_lists_of_the_table(method):
    """They name all of them, and no others, which could not be fetched."""
    for dataset, splits in PUBLISHED.items():
        if splits.root:
            continue
        asked = {
            name
            for config in (ROOT / 'configs' / method).glob(f'{dataset}[-_]*')
            for name in re.findall(r"'splits/(\w+)\.txt'", config.read_text())
        }
        assert asked == set(splits.lists) - {splits.train, 'val'}


def test_configs_of_unimatch_v2_name_lists_of_the_table():
    """Those of its own, and of the data sets they belong to."""
    there = {}
    for dataset, splits in PUBLISHED.items():
        there.setdefault(splits.root or dataset, set()).update(splits.lists)
    asked = {}
    for config in (ROOT / 'configs').glob('*_v2/*_dinov*.py'):
        names = re.findall(r"'splits/(\w+)\.txt'", config.read_text())
        asked.setdefault(config.stem.split('_')[0], set()).update(names)
    assert set(asked) == set(COUNTS) - {'ade20k_v2', 'cityscapes_v2'}
    assert all(names <= there[dataset] for dataset, names in asked.items())
    for dataset in ('ade20k_v2', 'cityscapes_v2'):
        assert set(COUNTS[dataset]) <= asked[PUBLISHED[dataset].root]

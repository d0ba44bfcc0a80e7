"""The published scores, and the page that shows them."""

import csv
import re

from tests.helpers.tools import ROOT

PAGE = (ROOT / 'docs/unimatch_v2.md').read_text()
SIZES = dict(small='s', base='b', large='l')
METHODS = {
    'Labeled images alone': 'supervised_v2',
    'FixMatch': 'fixmatch_v2',
    'UniMatch V2': 'unimatch_v2',
}


def published():
    with open(ROOT / 'results/published.csv', newline='') as file:
        rows = {row['config']: row for row in csv.DictReader(file)}
    return rows


def test_every_score_has_a_config_and_a_source():
    for config, row in published().items():
        assert (ROOT / f'configs/{config}.py').is_file()
        assert row['best'] or row['last']
        assert all(0 < float(row[of]) < 100 for of in ('best', 'last') if row[of])
        if row['best'] and row['last']:
            assert float(row['last']) <= float(row['best'])
        assert row['network'] in ('student', 'teacher')
        assert re.fullmatch(r'https://github.com/[\w-]+/[\w-]+', row['source'])


def test_more_labels_score_higher():
    """A misplaced figure would break the order of a row."""
    rows = published()
    lines = {}
    for config, row in rows.items():
        line = re.sub(r'_(1-\d+|full|all)', '', config)
        share = int((re.search(r'_1-(\d+)', config) or (0, 1))[1])
        lines.setdefault(line, {})[share] = row
    for line in lines.values():
        for of in ('best', 'last'):
            scores = [float(row[of]) for _, row in sorted(line.items()) if row[of]]
            assert scores == sorted(scores, reverse=True)


def test_the_page_shows_the_scores():
    """Each score of UniMatch V2's configs, once, best (last)."""
    shown = {}
    for table in re.findall(r'((?:^\|.*\n)+)', PAGE, re.M):
        head, _, *lines = (
            [cell.strip() for cell in line.strip('|').split('|')]
            for line in table.splitlines()
        )
        data, *splits = (cell.strip('`') for cell in head)
        for name, *scores in lines:
            label, _, size = name.rpartition(', ')
            if label not in METHODS:
                continue
            for split, score in zip(splits, scores, strict=True):
                if score:
                    config = f'{METHODS[label]}/{data}_{split}_dinov2-{SIZES[size]}'
                    assert config not in shown
                    shown[config] = score
    wanted = {
        config: f'{row["best"] or "–"} ({row["last"]})' if row['last'] else row['best']
        for config, row in published().items()
        if '_v2/' in config
    }
    assert shown == wanted

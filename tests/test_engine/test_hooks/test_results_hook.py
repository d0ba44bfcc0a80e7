"""results.json and scalars.json, as docs/reading_a_run.md describes them."""

import json
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest

from mmsemi.engine import SemiRunner
from mmsemi.engine.hooks import ResultsHook
from tests.helpers.tools import ROOT

CLASSES = {'ground', 'disc', 'box', 'bar'}


@pytest.fixture
def trained(tiny_cfg, tmp_path):
    tiny_cfg.visualizer.vis_backends = [dict(type='LocalVisBackend')]
    tiny_cfg.train_cfg.val_interval = 2
    SemiRunner.from_cfg(tiny_cfg).train()
    return tmp_path


def test_of_a_run(trained):
    """The scores of classes follow from the matrix, in both files."""
    (row,) = json.loads((trained / 'results.json').read_text())
    assert (row['epoch'], row['iter']) == (2, 4)
    assert row.keys() >= {'mIoU', 'aAcc', 'mAcc'}
    assert row['classes'].keys() == CLASSES
    matrix = np.array(row['confusion'])
    assert 2 * 40 * 48 < matrix.sum() < 3 * 40 * 48  # a few are ignored
    lines = next(trained.glob('2*/vis_data/scalars.json')).read_text().splitlines()
    *steps, validation = map(json.loads, lines)
    steps = [step for step in steps if 'pseudo/coverage' not in step]
    for i, (name, scores) in enumerate(row['classes'].items()):
        wholes = dict(
            IoU=matrix[i].sum() + matrix[:, i].sum() - matrix[i, i],
            Precision=matrix[:, i].sum(),
            Recall=matrix[i].sum(),
        )
        for key, whole in wholes.items():
            found, logged = scores[key], validation[f'val/{key}/{name}']
            if whole == 0:
                assert found is None and math.isnan(logged)
            else:
                assert (
                    found
                    == logged
                    == pytest.approx(100 * matrix[i, i] / whole, abs=0.006)
                )
    ious = [s['IoU'] for s in row['classes'].values() if s['IoU'] is not None]
    assert row['mIoU'] == pytest.approx(np.mean(ious), abs=0.011)
    assert row['aAcc'] == pytest.approx(100 * matrix.trace() / matrix.sum(), abs=0.006)
    # Times of training and validation are apart.
    assert len(steps) == 4
    assert all(
        {'train/loss', 'train/lr', 'train/time'} <= step.keys() for step in steps
    )
    assert not any(key.startswith('val/') for step in steps for key in step)
    assert {'val/time', 'val/data_time', 'val/mIoU'} <= validation.keys()
    assert not any(key.startswith('train/') for key in validation)
    logged = {key for line in lines for key in json.loads(line)}
    tags = documented_tags()
    counted = {'epoch', 'iter', 'step', 'train/rank_top_mass'}  # one of the method's
    known = [tag for tag, _ in tags]
    assert {key for key in logged if not fits(key, known)} == counted
    always = [tag for tag, text in tags if 'watched' not in text]
    assert [tag for tag in always if not any(fits(k, [tag]) for k in logged)] == []


def documented_tags():
    """Tags in the page's table of curves, each with its row."""
    page = (ROOT / 'docs/reading_a_run.md').read_text()
    table = page.split('## Curves')[1].split('\n## ')[0]
    rows = [line.split('|') for line in table.splitlines() if line.startswith('| `')]
    assert len(rows) > 8
    return [(tag, row[3]) for row in rows for tag in re.findall('`([^`]+)`', row[1])]


def fits(key, tags):
    """Return whether a tag is one of some, in which * and CLASS stand for a name."""
    patterns = (
        re.escape(t).replace(r'\*', r'\w+').replace('CLASS', '.+') for t in tags
    )
    return any(re.fullmatch(pattern, key) for pattern in patterns)


def validated(folder, epoch, metrics, matrix):
    """Call the hook as after a validation of a run."""
    metric = SimpleNamespace(confusion=matrix, dataset_meta=dict(classes=['a', 'b']))
    evaluator = SimpleNamespace(metrics=[metric])
    runner = SimpleNamespace(
        work_dir=str(folder),
        epoch=epoch,
        iter=10 * epoch,
        train_loop=None,
        val_loop=SimpleNamespace(evaluator=evaluator),
        test_loop=SimpleNamespace(evaluator=evaluator),
        timestamp='T',
        cfg=dict(load_from='best.pth'),
    )
    ResultsHook().after_val_epoch(runner, metrics)
    ResultsHook().after_test_epoch(runner, metrics)


def test_large_matrices_have_a_file_and_old_rows_stay(tmp_path):
    """A row of an older version, without classes, is kept; all is strict JSON."""
    (tmp_path / 'results.json').write_text('[{"epoch": 1, "iter": 10, "mIoU": 5.5}]')
    scores = {'mIoU': np.float32(46.19), 'IoU/a/b': math.nan, 'mDice': math.nan}
    validated(tmp_path, 2, scores, np.ones((41, 41), int))
    text = (tmp_path / 'results.json').read_text()
    old, new = json.loads(text, parse_constant=pytest.fail)
    assert old == dict(epoch=1, iter=10, mIoU=5.5)
    assert new == dict(
        epoch=2,
        iter=20,
        mIoU=46.19,
        mDice=None,
        classes={'a/b': dict(IoU=None)},
        confusion='confusion/epoch_2.json',
    )
    matrix = json.loads((tmp_path / new['confusion']).read_text())
    assert matrix == dict(classes=['a', 'b'], confusion=np.ones((41, 41), int).tolist())
    (test,) = json.loads((tmp_path / 'test_results.json').read_text())
    assert (test['checkpoint'], test['mIoU']) == ('best.pth', 46.19)
    assert (tmp_path / test['confusion']).is_file()

"""What a run says: docs/reading_a_run.md."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from mmsemi.engine import SemiRunner
from mmsemi.engine.summary import describe_training
from tests.helpers.runs import make_config


@pytest.fixture(scope='module')
def spoken(tiny_data, tmp_path_factory):
    """A run of 12 steps that validates twice, and a test: output and log file."""
    work_dir = tmp_path_factory.mktemp('run')
    cfg = make_config('prevmatch_ema', tiny_data, work_dir)
    cfg.train_cfg.update(max_epochs=6, val_interval=3)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        runner = SemiRunner.from_cfg(cfg)
        runner.train()
        runner.test()
    (log,) = work_dir.glob('2*/*.log')
    return runner, output.getvalue(), log.read_text()


def test_says_what_is_trained_on_what(spoken):
    _, output, _ = spoken
    for line in (
        'method    PrevMatch',
        r'network   DeepLabV3PlusHead on ResNetV1c-18, 0\.\d M parameters',
        'weights   random',
        'images    3 labeled, 5 unlabeled, 3 for validation',
        r'data      /\S+',
        r'classes   4 \(ground, disc, box, bar\)',
        'crop      33x33 pixels',
        r'batch     2 labeled \+ 2 unlabeled',
        r'device    CPU, \d+ threads?, float32',
        'length    6 epochs of 2 steps, 12 steps; validation every 3 epochs',
    ):
        assert re.search(f'^{line}$', output, re.M), line


def test_the_first_number_comes_soon(spoken):
    _, output, _ = spoken
    lines = output.splitlines()
    (first,) = [i for i, line in enumerate(lines) if 'step 1/12' in line]
    assert first < 20
    for value in ('loss', 'loss_sup', 'loss_strong', 'mask_ratio', 'lr'):
        assert re.search(rf'  {value} \d', lines[first])
    assert lines[first].endswith('left')
    assert re.search(r'^A step takes .* s: .* for the 2 that follow, and', output, re.M)


def test_details_are_in_the_log_file(spoken):
    _, output, log = spoken
    for detail in (
        'optim_wrapper',
        'paramwise_options',
        'before_train_iter',
        'FileClient',
    ):
        assert detail in log and detail not in output
    assert 'Scores of the EMA teacher:' in log and 'EMA teacher:' not in output
    assert len(output.splitlines()) < 80


def test_shows_the_scores_of_every_class(spoken):
    _, output, _ = spoken
    titles = re.findall(
        r'^(Validation after epoch \d|Test): mIoU [\d.]+, ', output, re.M
    )
    assert titles == ['Validation after epoch 3', 'Validation after epoch 6', 'Test']
    assert len(re.findall('teacher +teacher +teacher', output)) == 2, (
        'in the validations'
    )
    assert len(re.findall(r'^ +bar +[\d.]+ +[\d.-]+ +[\d.]+', output, re.M)) == 3


def test_says_where_everything_lies(spoken):
    _, output, _ = spoken
    (end,) = output.split('Trained for ')[1:]
    end, test = end.split('\nEvaluation: ')
    places = dict(re.findall(r'^(\w[\w ]+?)  +(/\S+)$', end, re.M))
    assert places.keys() == {'best checkpoint', 'last checkpoint', 'scores', 'log'}
    assert all(Path(place).exists() for place in places.values())
    assert dict(re.findall(r'^(\w+)  +(/\S+)$', test, re.M)).keys() == {'log', 'scores'}
    words = re.search('^next +(mmsemi predict .*)$', end, re.M)[1].split()
    assert Path(words[3]).is_file() and Path(words[4]).is_file()


@pytest.mark.parametrize(
    ('changes', 'name', 'text'),
    [
        ({}, 'length', '3 epochs of 2 steps, 6 steps; validation every epoch'),
        (
            dict(
                train_cfg=dict(type='IterBasedTrainLoop', max_iters=8, val_interval=4)
            ),
            'length',
            '8 steps; validation every 4 steps',
        ),
        (dict(load_from='some.pth'), 'weights', 'from some.pth'),
        (
            {'model.backbone.init_cfg': dict(type='Pretrained', checkpoint='a.pth')},
            'weights',
            'pretrained: a.pth',
        ),
        (
            {'optim_wrapper.accumulative_counts': 2, 'total_batch_size': 4},
            'batch',
            '2 labeled + 2 unlabeled, an update every 2 steps',
        ),
        (
            {
                'optim_wrapper.type': 'AutocastOptimWrapper',
                'optim_wrapper.dtype': 'bfloat16',
            },
            'device',
            'mixed precision (bfloat16)',
        ),
        ({'total_batch_size': 4}, 'batch', '4 labeled + 4 unlabeled'),
        (
            {'train_cfg.max_epochs': 1},
            'length',
            '1 epoch of 2 steps; validation every epoch',
        ),
    ],
)
def test_describes_other_settings(changes, name, text, tiny_data, tmp_path):
    cfg = make_config('unimatch', tiny_data, tmp_path, **changes)
    runner = SemiRunner.from_cfg(cfg)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner._val_loop = runner.build_val_loop(runner._val_loop)
    found = dict(describe_training(runner))[name]
    assert found.endswith(text)

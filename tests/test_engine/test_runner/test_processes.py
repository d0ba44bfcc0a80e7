"""Several processes do what one does, and none waits for ever.

All runs are made by one command, ``python -m tests.stress.processes FOLDER``.
"""

import json
import re

import pytest
import torch

from mmsemi.engine.runner.resuming import newest_whole_checkpoint
from mmsemi.measuring.footprint import fake_step
from mmsemi.utils.checkpoint import read_checkpoint
from tests.helpers.tools import run
from tests.stress.processes import SHARDED, TRAINED, dinov2_config
from tests.stress.resume_points import differences


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Of all runs."""
    folder = tmp_path_factory.mktemp('processes')
    run('python', '-m', 'tests.stress.processes', folder)
    return folder


@pytest.fixture(scope='module')
def codes(folder):
    """How the processes of every run ended."""
    return json.loads((folder / 'codes.json').read_text())


def losses(folder, rank=0):
    return json.loads((folder / f'losses_{rank}.json').read_text())


def weights(file):
    state = read_checkpoint(file)['state_dict']
    return {name: tensor.double() for name, tensor in state.items()}


def everything(file):
    """All tensors of a checkpoint: weights, teacher and moments."""
    checkpoint = read_checkpoint(file)
    moments = checkpoint['optimizer']['state']
    return checkpoint['optimizer']['param_groups'], {
        **checkpoint['state_dict'],
        **{f'teacher {k}': t for k, t in checkpoint['ema_teacher'].items()},
        **{f'{i} {k}': t for i in moments for k, t in moments[i].items()},
    }


def distance(a, b):
    assert a.keys() == b.keys()
    return sum((a[name] - b[name]).square().sum() for name in a).sqrt()


@pytest.mark.parametrize('method', TRAINED)
def test_two_processes_train_as_one(folder, method):
    """The mean losses and the weights are equal up to rounding (float64)."""
    files = list((folder / 'train_1' / method).rglob('losses_0.json'))
    assert files
    for file in files:
        one = file.parent
        two = folder / 'train_2' / one.relative_to(folder / 'train_1')
        steps = list(zip(losses(one), losses(two), losses(two, 1), strict=True))
        assert len(steps) == len(losses(two)) > 1
        for single, *both in steps:
            mean = {key: sum(step[key] for step in both) / 2 for key in single}
            assert mean == pytest.approx(single, rel=1e-9)
        before, last = sorted(
            one.glob('iter_*.pth'), key=lambda file: int(file.stem[5:])
        )
        error = distance(weights(last), weights(two / last.name))
        assert error < 1e-6 * distance(weights(last), weights(before))


@pytest.mark.parametrize('method', ['unimatch', 'supervised'])
def test_two_processes_train_as_one_that_accumulates(folder, method):
    """Bit-identical, whatever the number of pixels that each loss averages."""
    one, two = (folder / f'accumulate_{n}' / method for n in (1, 2))
    assert losses(one) == [
        step for both in zip(losses(two), losses(two, 1), strict=True) for step in both
    ]
    ours, theirs = weights(two / 'iter_2.pth'), weights(one / 'iter_4.pth')
    for name, tensor in theirs.items():
        if 'running_' not in name and 'num_batches' not in name:
            assert ours[name].equal(tensor), name
    assert distance(ours, weights(two / 'iter_1.pth')) > 0


@pytest.mark.parametrize('name, file', [('shares', 0), ('shares_made_whole', 1)])
def test_shares_train_as_whole_weights(folder, name, file):
    """DINOv2 with teacher, AdamW and clipping; the second resumes on one process."""
    (groups, whole), (own_groups, own) = (
        everything(folder / run / 'iter_2.pth') for run in ('whole', name)
    )
    assert own_groups == groups
    assert own.keys() == whole.keys() and len(own) > 300
    for key, tensor in whole.items():
        assert own[key].shape == tensor.shape and own[key].dtype == tensor.dtype
        torch.testing.assert_close(own[key], tensor, rtol=1e-9, atol=1e-11)
    if not file:
        for rank in (0, 1):
            for ours, theirs in zip(
                losses(folder / name, rank), losses(folder / 'whole', rank), strict=True
            ):
                assert ours == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize('method', SHARDED)
def test_methods_train_with_shares(folder, method):
    """Also if one process needs a partner and the other does not."""
    ours, theirs = (
        weights(folder / run / method / 'iter_2.pth')
        for run in ('train_sharded', 'train_2')
    )
    before = weights(folder / 'train_2' / method / 'iter_1.pth')
    assert distance(ours, theirs) < 1e-9 * distance(theirs, before)


def test_shares_resume_to_the_bit(folder, codes):
    """After SIGTERM, with a rehearsal in between."""
    assert codes['shares_term'] == [143, 143]
    assert codes['shares_resume'] == [0, 0]
    assert differences(folder / 'shares', folder / 'shares_term') == []


def test_processes_hold_the_predicted_share(folder):
    """Of weights, moments and teacher; float64, of which shapes know nothing."""
    for name, sharding in (('whole', False), ('shares', True)):
        cfg = dinov2_config('', '', sharding=sharding)
        held = json.loads((folder / name / 'held_0.json').read_text())
        with fake_step(cfg, 2) as step:
            assert held == pytest.approx(2 * step.held, rel=1e-3)


@pytest.mark.parametrize('images, val', [(3, 'val'), (1, 'one')])
def test_any_number_of_processes_evaluates_as_one(folder, images, val):
    """Also if the list is not divisible or shorter than the number of processes."""
    one, two, three = (
        json.loads((folder / f'evaluate_{n}' / f'{val}.json').read_text())
        for n in (1, 2, 3)
    )
    assert one == two == three
    assert one[0] == images and one[1][3]


def test_fewer_images_than_processes(folder, codes):
    assert codes['few_images'] == [1, 1, 1]
    assert re.search(
        r'ValueError: 2 unlabeled images make 2 samples .*, too '
        'few for 3 processes',
        (folder / 'few_images.txt').read_text(),
    )


def test_sigterm_to_one_stops_both_after_the_same_step(folder, codes):
    """Both resume as if they had not been stopped, nor rehearsed."""
    assert codes['term'] == [143, 143]
    assert codes['resume'] == [0, 0]
    assert re.search(
        r'weights +resumed from .*interrupted\.pth\n(.*\n)*length .* 3 are done',
        (folder / 'resume.txt').read_text(),
    )
    assert differences(folder / 'train_2/prevmatch', folder / 'term') == []


def test_a_process_that_dies_ends_the_others(folder, codes):
    assert codes['die'] == [1, -9]
    assert newest_whole_checkpoint(folder / 'die').endswith('iter_2.pth')


def test_a_process_that_stops_is_named(folder, codes):
    assert codes['stall'] == [1, -9]
    assert re.search(
        r'Process 0 has made no progress for \d+ s\. It waits for process 1, '
        'which gives no sign',
        (folder / 'stall.txt').read_text(),
    )
    assert newest_whole_checkpoint(folder / 'stall').endswith('iter_2.pth')


def test_every_run_ended_as_it_should(codes):
    for name, ends in codes.items():
        if re.match('(train|accumulate|evaluate)_\\d', name):
            assert ends == [0] * int(name[-1]), name
    assert codes['shares'] == codes['sharded_methods'] == [0, 0]
    assert codes['made_whole'] == [0]

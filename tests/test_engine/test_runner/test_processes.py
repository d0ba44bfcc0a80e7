"""Several processes do what one does, and none waits for ever.

All runs are made by one command, ``python -m tests.stress.processes FOLDER``.
"""

import json
import re

import pytest

from mmsemi.engine.runner.resuming import newest_whole_checkpoint
from mmsemi.utils.checkpoint import read_checkpoint
from tests.helpers.tools import run
from tests.stress.processes import TRAINED
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
        if re.match('(train|accumulate|evaluate)_', name):
            assert ends == [0] * int(name[-1]), name

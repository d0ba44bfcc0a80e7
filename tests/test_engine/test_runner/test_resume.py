"""A run that is killed at any moment and resumed ends as if uninterrupted.

``python -m tests.stress.resume_points FOLDER`` tries far more moments.
"""

import contextlib
import shutil

import pytest
import torch

from mmsemi.datasets import SemiSampler, SemiSegDataset, semi_dataset
from mmsemi.engine import StepSeedHook
from mmsemi.models import data_preprocessor
from mmsemi.models.utils import strong_view
from mmsemi.registry import RUNNERS
from mmsemi.utils.checkpoint import read_checkpoint
from tests.helpers.runs import METHODS, STAGES, make_config
from tests.stress.resume_points import OFTEN, differences


@pytest.fixture(scope='module', autouse=True)
def one_thread(plain_configs):
    """Use one thread: several round differently every time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope='module')
def train(tiny_data):
    """Train in a folder, or resume what is there, up to a point."""

    def run(method, folder, *end, **changes):
        if end:
            names = 'point', 'time', 'stage'
            changes['custom_hooks'] = [
                dict(type='EndAt', **dict(zip(names, end, strict=False)))
            ]
        cfg = make_config(
            method, tiny_data, folder, resume=folder.exists(), **{**OFTEN, **changes}
        )
        if end:
            with pytest.raises(KeyboardInterrupt):
                RUNNERS.build(cfg).train()
        else:
            RUNNERS.build(cfg).train()

    return run


@pytest.fixture(scope='module')
def folders(train, tmp_path_factory):
    """Runs of UniMatch, which draws at random: a whole one, one killed in an epoch."""
    folder = tmp_path_factory.mktemp('unimatch')
    train('unimatch', folder / 'whole')
    train('unimatch', folder / 'killed', 'after_train_iter', 3)
    return folder / 'whole', folder / 'killed'


@pytest.fixture
def loaded(monkeypatch):
    """Record the indices of the samples that this process loads."""
    indices = []
    load = SemiSegDataset.__getitem__

    def watched(self, index):
        indices.append(index)
        return load(self, index)

    monkeypatch.setattr(SemiSegDataset, '__getitem__', watched)
    return indices


@pytest.mark.parametrize('method', METHODS)
def test_ends_bit_identical(method, train, tmp_path):
    """Every checkpoint and score of a killed and resumed run is that of a whole run.

    It is killed inside an epoch, in a validation and between two epochs, and
    resumed with another number of workers.
    """
    stages = STAGES.get(method, ('',))
    train(method, tmp_path / 'whole')
    killed = tmp_path / 'killed'
    train(method, killed, 'after_train_iter', 3, stages[0])
    train(
        method,
        killed,
        'after_val_iter',
        2,
        stages[-1],
        **{'train_dataloader.num_workers': 2},
    )
    train(method, killed, 'before_train_epoch', 2, stages[-1])
    train(method, killed)
    assert differences(tmp_path / 'whole', killed) == []


def test_views_on_the_device_are_drawn_again(train, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(
        data_preprocessor,
        'strong_view',
        lambda *args: made.append(strong_view(*args)) or made[-1],
    )
    train('unimatch', tmp_path / 'whole', views_on_device=True)
    count = len(made)
    # Two each of the unlabeled images and of their partners.
    assert count and count % 4 == 0
    train('unimatch', tmp_path / 'killed', 'after_train_iter', 3, views_on_device=True)
    train('unimatch', tmp_path / 'killed', views_on_device=True)
    assert differences(tmp_path / 'whole', tmp_path / 'killed') == []
    assert all(map(torch.equal, made[:count], made[count:]))


@pytest.mark.parametrize('lost', ['order', 'place', 'augmentations', 'draws'])
def test_without_a_restored_state_the_run_differs(
    lost, train, folders, tmp_path, monkeypatch
):
    """Negative controls of the test above."""
    whole, killed = folders
    shutil.copytree(killed, tmp_path / 'killed')
    if lost == 'order':
        order = SemiSampler._epoch_order
        monkeypatch.setattr(
            SemiSampler, '_epoch_order', lambda self, epoch: order(self, epoch + 10)
        )
    elif lost == 'place':
        monkeypatch.setattr(SemiSampler, 'skip', lambda *args: None)
    elif lost == 'augmentations':
        monkeypatch.setattr(
            semi_dataset, 'seeded', lambda *args: contextlib.nullcontext()
        )
    else:
        monkeypatch.setattr(
            StepSeedHook, 'before_train_iter', lambda *args, **kwargs: None
        )
    train('unimatch', tmp_path / 'killed')
    assert differences(whole, tmp_path / 'killed')


def test_makes_up_for_a_validation_that_was_killed(train, tmp_path):
    """The last validation, which MMEngine would leave out."""
    epochs = {'default_hooks.checkpoint.by_epoch': True}
    train('supervised', tmp_path / 'whole', **epochs)
    train('supervised', tmp_path / 'killed', 'after_val_iter', 8, **epochs)
    train('supervised', tmp_path / 'killed', **epochs)
    assert differences(tmp_path / 'whole', tmp_path / 'killed') == []
    assert (tmp_path / 'whole/results.json').read_text().count('mIoU') == 3


def test_finds_its_place_without_loading(train, folders, tmp_path, loaded):
    """Three steps of two samples are left."""
    whole, killed = folders
    shutil.copytree(killed, tmp_path / 'killed')
    train('unimatch', tmp_path / 'killed')
    assert len(loaded) == 3 * 2
    assert differences(whole, tmp_path / 'killed') == []


def test_resumes_with_the_seed_it_began_with(train, folders, tmp_path):
    whole, killed = folders
    shutil.copytree(killed, tmp_path / 'killed')
    train('unimatch', tmp_path / 'killed', **{'randomness.seed': 5})
    assert differences(whole, tmp_path / 'killed') == []


def test_by_iterations(train, tmp_path, loaded):
    """Across epochs, and with a validation in between."""
    steps = dict(
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=7, val_interval=3),
        log_processor=dict(by_epoch=False),
    )
    train('unimatch', tmp_path / 'whole', **steps)
    whole = loaded.copy()
    train('unimatch', tmp_path / 'killed', 'after_train_iter', 4, **steps)
    train('unimatch', tmp_path / 'killed', 'after_val_iter', 2, **steps)
    loaded.clear()
    train('unimatch', tmp_path / 'killed', **steps)
    assert loaded == whole[6 * 2 :] and len(loaded) == 2
    assert differences(tmp_path / 'whole', tmp_path / 'killed') == []


def test_resuming_runs_no_config_of_the_checkpoint(train, folders, tmp_path):
    """MMEngine stores the config in it as text, and would run that."""
    killed = tmp_path / 'killed'
    killed.mkdir()
    checkpoint = read_checkpoint(folders[1] / 'iter_3.pth')
    mark = tmp_path / 'ran'
    checkpoint['meta']['config'] = f'open({str(mark)!r}, "w")'
    torch.save(checkpoint, killed / 'iter_3.pth')
    train('unimatch', killed, 'before_train_iter', 1)
    assert not mark.exists()

"""ST++ from end to end, whole, and killed in every stage."""

import csv
import gc
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from PIL import Image

from mmsemi.apis import init_model
from mmsemi.datasets import read_list
from mmsemi.engine import SelfTrainingRunner, SemiRunner
from mmsemi.engine.runner import self_training_loops
from mmsemi.models.utils import tta_probabilities
from mmsemi.registry import HOOKS, RUNNERS
from tests.helpers.tools import ROOT

CONFIG = ROOT / 'tests/configs/tiny_self_training.py'
TRAININGS = '1_supervised', '4_retraining', '6_retraining'
STAGES = (
    '1_supervised',
    '2_reliability',
    '3_pseudo_labels',
    '4_retraining',
    '5_pseudo_labels',
    '6_retraining',
)


@HOOKS.register_module(force=True)
class KillInStage(Hook):
    """Raised in place of a kill when a stage reaches a point for the n-th time."""

    priority = 'LOWEST'

    def __init__(self, stage, point, time):
        self.stage = stage
        self.left = time
        setattr(self, point, self.tick)

    def tick(self, runner, **kwargs):
        self.left -= runner.work_dir.endswith(self.stage)
        if not self.left:
            raise KeyboardInterrupt


@pytest.fixture(scope='module', autouse=True)
def one_thread(plain_configs):
    """Use one thread: several round differently every time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope='module')
def whole(make_config, tmp_path_factory) -> Path:
    """The work dir of an uninterrupted run."""
    work_dir = tmp_path_factory.mktemp('whole')
    RUNNERS.build(make_config(work_dir)).train()
    return work_dir


def scores(work_dir):
    """Name and score of every image, in the order of the table."""
    with open(work_dir / '2_reliability/reliability.csv') as file:
        rows = list(csv.DictReader(file))
    return {row['image']: float(row['reliability']) for row in rows}


def names(file):
    return [entry.image for entry in read_list(file)]


def masks(work_dir):
    return {
        path.relative_to(work_dir).as_posix(): path.read_bytes()
        for path in work_dir.rglob('masks/**/*.png')
    }


def network_of(folder):
    marker = json.loads((folder / 'finished.json').read_text())
    return folder / marker['network']


def weights(file):
    return torch.load(file, weights_only=False)['state_dict']


def assert_same_weights(a, b):
    a, b = weights(a), weights(b)
    assert a.keys() == b.keys()
    assert [k for k in a if not torch.equal(a[k], b[k])] == []


def test_every_stage_has_its_folder(whole):
    assert sorted(p.name for p in whole.iterdir()) == sorted(STAGES)
    for i, stage in enumerate(STAGES, 1):
        (log,) = (whole / stage).rglob('*.log')
        assert f'Stage {i} of 6: {stage}' in log.read_text()


def test_every_unlabeled_image_is_ranked(whole):
    table = scores(whole)
    assert sorted(table) == [f'images/train/{i}.png' for i in range(3, 8)]
    assert list(table.values()) == sorted(table.values(), reverse=True)
    assert 0 <= min(table.values()) < max(table.values()) <= 1
    folder = whole / '2_reliability'
    ranked = names(folder / 'reliable_1.txt') + names(folder / 'unreliable.txt')
    assert ranked == list(table)
    assert len(names(folder / 'reliable_1.txt')) == 5 // 2


def test_snapshots_are_of_every_third(whole):
    """With three epochs, after each; the last one is the end of the training."""
    folder = whole / '1_supervised'
    files = sorted((folder / 'snapshots').iterdir())
    assert [f.name for f in files] == [f'epoch_{i}.pth' for i in (1, 2, 3)]
    assert_same_weights(files[-1], folder / 'epoch_3.pth')
    assert 'optimizer' not in torch.load(files[0], weights_only=False)


@pytest.mark.parametrize(
    'labels, images, network',
    [
        ('3_pseudo_labels', 'reliable_1.txt', '1_supervised'),
        ('5_pseudo_labels', 'unreliable.txt', '4_retraining'),
    ],
)
def test_pseudo_labels(whole, make_config, tiny_data, labels, images, network):
    """They equal the prediction of the last trained network at several scales."""
    palette = [[90, 90, 90], [200, 40, 40], [40, 200, 40], [40, 40, 200]]
    network = network_of(whole / network)
    assert 'best_mIoU' in network.name
    model = init_model(make_config(whole), str(network), 'cpu')
    images = names(whole / '2_reliability' / images)
    found = sorted((whole / labels / 'masks').rglob('*.png'))
    assert found == sorted(whole / labels / f'masks/{image}.png' for image in images)
    for image in images:
        pixels = np.array(Image.open(tiny_data / image).convert('RGB'))
        tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
        mean, std = model.data_preprocessor.mean, model.data_preprocessor.std
        with torch.no_grad():
            expected = tta_probabilities(
                model.logits, (tensor - mean) / std, (0.5, 1)
            ).argmax(1)[0]
        mask = Image.open(whole / labels / f'masks/{image}.png')
        assert mask.mode == 'P' and mask.size == (48, 40)
        assert mask.getpalette()[:12] == sum(palette, [])
        assert np.array_equal(np.array(mask), expected.numpy())
    used = np.concatenate([np.unique(Image.open(file)) for file in found])
    assert len(set(used.tolist())) > 1, 'there is something to get wrong'


def test_mixed_precision_of_tests_holds_for_labels(make_config, tmp_path, monkeypatch):
    runner = RUNNERS.build(make_config(tmp_path, **{'test_cfg.fp16': True}))
    stages = []
    monkeypatch.setattr(runner, '_run', lambda cfg, _: stages.append(cfg))
    runner._stage = 0
    runner._label('network.pth', None, None)
    assert stages[0].test_cfg.type == 'PseudoLabelLoop'
    assert stages[0].test_cfg.fp16


def test_labels_of_earlier_rounds_are_kept(whole):
    first, second = (
        read_list(whole / stage / 'pseudo_labels.txt')
        for stage in ('3_pseudo_labels', '5_pseudo_labels')
    )
    assert second[:2] == first and len(second) == 5
    assert all(Path(entry.mask).is_file() for entry in second)


def test_retrainings_see_what_is_labeled_by_then(whole):
    """3 labeled + 2; 2 times 3 + 5; in batches of 2, the last one dropped."""
    iterations = [
        json.loads((whole / stage / 'results.json').read_text())[0]['iter']
        for stage in TRAININGS
    ]
    assert iterations == [2 * 3 // 2, (3 + 2) // 2, (2 * 3 + 5) // 2]


def test_nothing_of_a_stage_stays_in_memory(whole):
    gc.collect()
    assert not [
        obj
        for obj in gc.get_objects()
        if type(obj) is SemiRunner and str(whole) in obj.work_dir
    ]
    for kind in (MMLogger, MessageHub, DefaultScope):
        # Other tests in this process may have left their own names.
        assert not [name for name in kind._instance_dict if name.startswith(STAGES)]
    handles = Path('/proc/self/fd')
    if handles.exists():
        handles = [os.path.realpath(handle) for handle in handles.iterdir()]
        assert not [file for file in handles if str(whole) in file]


def test_killed_in_every_stage_and_continued(whole, make_config, tmp_path, monkeypatch):
    """It leaves the same files as an uninterrupted run, each written once."""
    calls = dict(scored=0, saved=0)

    def counting(name, function, kill_at):

        def counted(*args):
            calls[name] += 1
            if calls[name] == kill_at:
                raise KeyboardInterrupt
            return function(*args)

        return counted

    for name, function, kill_at in (
        ('scored', 'snapshot_reliability', 3),
        ('saved', 'save_mask', 4),
    ):
        monkeypatch.setattr(
            self_training_loops,
            function,
            counting(name, getattr(self_training_loops, function), kill_at),
        )
    kills = [
        ('1_supervised', 'after_val_iter', 5),  # when validating epoch 2
        ('2_reliability', None, None),  # at the third image
        ('4_retraining', 'after_train_iter', 3),  # in epoch 2
        ('5_pseudo_labels', None, None),  # of three images, at the second
        ('6_retraining', 'after_val_iter', 9),  # at the very end
    ]

    stamps = {}
    for k, (stage, point, time) in enumerate(kills):
        hooks = [dict(type='KillInStage', stage=stage, point=point, time=time)]
        with pytest.raises(KeyboardInterrupt):
            RUNNERS.build(
                make_config(tmp_path, resume=k > 0, custom_hooks=hooks if point else [])
            ).train()
        reached = STAGES.index(stage)
        assert sorted(os.listdir(tmp_path)) == sorted(STAGES[: reached + 1])
        stamps.update(
            {
                file: file.stat().st_mtime_ns
                for done in STAGES[:reached]
                for file in (tmp_path / done).rglob('*')
                if file.is_file()
            }
        )
    RUNNERS.build(make_config(tmp_path, resume=True)).train()

    for stage in TRAININGS:
        results = [
            (work_dir / stage / 'results.json').read_text()
            for work_dir in (whole, tmp_path)
        ]
        assert results[0] == results[1]
        assert network_of(tmp_path / stage).name == network_of(whole / stage).name
        for file in (network_of(whole / stage), whole / stage / 'epoch_3.pth'):
            assert_same_weights(file, tmp_path / file.relative_to(whole))
    assert scores(tmp_path) == scores(whole)
    assert masks(tmp_path) == masks(whole) and len(masks(whole)) == 5

    # Nothing was done twice: 5 images scored and labeled, plus the killed ones.
    assert calls == dict(scored=5 + 1, saved=5 + 1)
    changed = [
        file
        for file, stamp in stamps.items()
        if not file.exists() or file.stat().st_mtime_ns != stamp
    ]
    assert changed == []


def test_another_run_in_the_work_dir(whole, make_config):
    with pytest.raises(
        ValueError, match='already holds a self-training run.*--resume.*--work-dir'
    ):
        SelfTrainingRunner.from_cfg(make_config(whole)).train()

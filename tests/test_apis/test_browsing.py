"""Grids of what enters the network."""

import csv

import cv2
import pytest
import torch

from mmsemi.apis.browsing import draw_samples
from mmsemi.apis.browsing.batches import first_steps
from mmsemi.apis.browsing.browse import build_method
from mmsemi.apis.browsing.entering import View, watch
from mmsemi.engine import SemiRunner
from mmsemi.structures import Paste
from mmsemi.utils.config import resolve_settings
from tests.helpers.runs import METHODS, NO_ENVIRONMENT, make_config, make_tiny_data

SEED = 3


def seen(cfg, number):
    """What ``watch`` sees of the first samples, and their inputs."""
    model = build_method(cfg)
    (step,) = first_steps(cfg, number, SEED)
    inputs = model.data_preprocessor(step.batch, True)['inputs']
    return watch(model, inputs, SEED, step.number), inputs


@pytest.mark.parametrize('method', (*METHODS, 'dinov2'))
def test_every_method(method, tiny_data, tmp_path):
    """A picture for each sample, and a list that names the files."""
    cfg = make_config(method, tiny_data, tmp_path / 'run', total_batch_size=2)
    assert draw_samples(resolve_settings(cfg), tmp_path / 'out', 2, SEED) == 2
    with open(tmp_path / 'out/samples.csv') as file:
        rows = list(csv.DictReader(file))
    assert [row['picture'] for row in rows] == ['0000.png', '0001.png']
    for row in rows:
        assert str(tiny_data) in row['labeled']
        picture = cv2.imread(str(tmp_path / 'out' / row['picture']))
        columns = 4 if row['unlabeled'] else 2
        assert picture.shape[1] >= 360 * columns


@pytest.mark.parametrize('method', ['unimatch', 'unimatchv2', 'cps'])
def test_equals_the_training(method, tiny_data, tmp_path, monkeypatch):
    """Mixed images are those of a training's first step, to the last bit."""
    changes = {'randomness.seed': SEED, 'total_batch_size': 4}
    train_cfg = dict(type='IterBasedTrainLoop', max_iters=1, val_interval=9)
    if method == 'unimatchv2':
        changes['train_dataloader.sampler.partner'] = 'in_batch'
    cfg = make_config(
        method, tiny_data, tmp_path, train_cfg=train_cfg, rehearse=False, **changes
    )
    monkeypatch.setattr(
        'yapf.yapflib.yapf_api.FormatCode', lambda code, **kwargs: (code, False)
    )
    with NO_ENVIRONMENT:
        runner = SemiRunner.from_cfg(cfg)
        entered = []
        runner.model.backbone.register_forward_pre_hook(
            lambda module, args: entered.extend(args[0].clone())
        )
        runner.train()
    entering, inputs = seen(cfg, 3)
    assert entering.mixed
    for images in (*entering.mixed.values(), inputs['labeled']['weak']):
        for image in images[:3]:
            assert any(torch.equal(image, each) for each in entered)


def test_self_training_shows_images_of_a_retraining(tiny_data, tmp_path):
    """Half of them are unlabeled images; the others are labeled."""
    cfg = make_config('stpp', tiny_data, tmp_path / 'run')
    draw_samples(cfg, tmp_path / 'out', 4, SEED)
    with open(tmp_path / 'out/samples.csv') as file:
        shown = [row['labeled'] for row in csv.DictReader(file)]
    names = (tiny_data / 'splits/labeled.txt').read_text().split()
    labeled = {str(tiny_data / name) for name in names}
    assert [image in labeled for image in shown] == [True, True, False, False]


def test_says_what_enters_which_network(tiny_data, tmp_path):
    entering, _ = seen(make_config('unimatchv2', tiny_data, tmp_path), 2)
    assert entering.whole['labeled', View('weak')] == {'network'}
    assert entering.whole['unlabeled', View('weak')] == {'teacher'}
    assert ('unlabeled', View('strong', 0)) not in entering.whole


def test_a_part_keeps_its_partners(tiny_data, tmp_path):
    """Partners within the batch come along, and the boxes find them."""
    cfg = make_config('unimatchv2', tiny_data, tmp_path, total_batch_size=4)
    cfg.train_dataloader.sampler.partner = 'in_batch'
    (whole,) = first_steps(cfg, 4, SEED)
    (part,) = first_steps(cfg, 1, SEED)
    pastes = [p for view in part.batch['unlabeled']['boxes'] for p in view]
    assert pastes  # with this seed
    for paste in pastes:
        assert isinstance(paste, Paste) and paste.image == 0
        partner = part.batch['unlabeled']['weak'][paste.partner]
        assert torch.equal(partner, whole.batch['unlabeled']['weak'][3])
    assert len(part.batch['labeled']['weak']) == 1


def test_names_corrupt_files(tmp_path):
    """Another image is shown in place of a file that cannot be decoded."""
    make_tiny_data(tmp_path)
    cfg = make_config('supervised', tmp_path, tmp_path / 'run')
    cfg.train_dataloader.sampler.ratio = (1, 0)
    cfg.train_dataloader.dataset.max_corrupt = 1
    first = (tmp_path / 'splits/labeled.txt').read_text().split()[0]
    (tmp_path / first).write_bytes(b'no image')
    assert draw_samples(cfg, tmp_path / 'out', 4, SEED) == 4
    text = (tmp_path / 'out/samples.csv').read_text()
    assert f'{tmp_path / first} (corrupt' in text and text.count('(corrupt') < 4


def test_other_data_sets_are_refused(tiny_data, tmp_path):
    cfg = make_config('supervised', tiny_data, tmp_path)
    cfg.train_dataloader.dataset = cfg.val_dataloader.dataset
    cfg.train_dataloader.sampler = dict(type='DefaultSampler')
    with pytest.raises(ValueError, match='no streams'):
        draw_samples(cfg, tmp_path / 'out')

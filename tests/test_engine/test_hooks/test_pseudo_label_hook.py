"""PseudoLabelHook shows and counts pseudo-labels, and changes nothing."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from mmsemi.datasets import Sights
from mmsemi.engine import PseudoLabelHook, SemiRunner
from mmsemi.engine.hooks.pseudo_label_hook import Seen, count_pseudo_labels
from mmsemi.registry import MODELS
from tests.helpers import networks as tiny
from tests.helpers.runs import MODELS as METHODS
from tests.helpers.runs import NO_ENVIRONMENT, make_config

LOCAL = [dict(type='LocalVisBackend')]
# Labels of the network itself, of a teacher, with a threshold that is a buffer,
# of a second network.
LABELERS = ('rankmatch', 'unimatchv2', 'corrmatch', 'cps')


def train(method, data, folder, hook):
    """Train two epochs; return the runner."""
    cfg = make_config(
        method,
        data,
        folder,
        train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=2, val_interval=5),
        **{'visualizer.vis_backends': LOCAL, 'default_hooks.pseudo_labels': hook},
    )
    runner = SemiRunner.from_cfg(cfg)
    with NO_ENVIRONMENT:
        runner.train()
    return runner


@pytest.fixture(scope='module', params=LABELERS)
def both(request, plain_configs, tiny_data, tmp_path_factory):
    """The method, a run that looks at every step, and one that never looks."""
    folder = tmp_path_factory.mktemp(request.param)
    hook = dict(type='PseudoLabelHook', interval=1, num_images=2, num_scored=3)
    with_ = train(request.param, tiny_data, folder / 'with', hook)
    return request.param, with_, train(request.param, tiny_data, folder / 'no', None)


def scalars(runner):
    file = Path(runner.log_dir) / 'vis_data/scalars.json'
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_the_training_is_the_same_to_the_last_bit(both):
    _, looks, never = both
    states = looks.model.state_dict(), never.model.state_dict()
    assert states[0].keys() == states[1].keys()
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), name
    losses = [
        [(r['iter'], r['train/loss']) for r in scalars(run) if 'train/loss' in r]
        for run in (looks, never)
    ]
    assert losses[0] == losses[1] and losses[0]


def test_pictures_and_scores(both):
    """The same two images are drawn at each of the four steps."""
    method, looks, never = both
    rows = [row for row in scalars(looks) if 'pseudo/coverage' in row]
    assert [row['iter'] for row in rows] == [1, 2, 3, 4]
    assert all(0 <= value <= 1 for r in rows for k, value in r.items() if '/' in k)
    assert any('pseudo/coverage/disc' in row for row in rows)
    if method == 'cps':  # keeps all
        assert all(row['pseudo/coverage'] == 1 for row in rows)
    pictures = sorted(Path(looks.log_dir).glob('vis_data/vis_image/pseudo_*.png'))
    images = {p.name.split('_')[1] for p in pictures}
    assert len(pictures) == 8 and len(images) == 2
    with Image.open(pictures[0]) as picture:
        assert picture.width > picture.height  # three panels in a row: truth, too
    assert not [row for row in scalars(never) if 'pseudo/coverage' in row]


def test_counts():
    """Two images of 2x3 pixels, by hand."""
    label = torch.tensor([[[0, 0, 1], [1, 1, 0]], [[0, 1, 1], [0, 0, 0]]])
    truth = torch.tensor([[[0, 1, 1], [1, 0, 255]], [[0] * 3, [255] * 3]])
    kept = torch.tensor([[[1, 1, 1], [1, 0, 1]], [[1, 0, 0], [1, 0, 0]]]).bool()
    valid = torch.ones_like(kept)
    valid[1, 0, 0] = False  # padding
    seen = Seen(label, torch.ones(label.shape), kept, None)
    sights = Sights(['a', 'b'], torch.zeros(2, 3, 2, 3), valid, truth.byte())
    scores = count_pseudo_labels(seen, sights, ('x', 'y', 'z'))
    assert scores == {
        'pseudo/coverage': 6 / 11,
        'pseudo/accuracy': 3 / 4,  # labels 0 0 1 1, truth 0 1 1 1
        'pseudo/coverage/x': 1 / 4,
        'pseudo/accuracy/x': 1 / 2,
        'pseudo/coverage/y': 3 / 3,
        'pseudo/accuracy/y': 2 / 2,
    }
    unknown = sights._replace(truth=torch.full_like(sights.truth, 255))
    assert list(count_pseudo_labels(seen, unknown, ('x', 'y'))) == ['pseudo/coverage']


@pytest.mark.parametrize('method', [m for m in METHODS if m != 'supervised'])
def test_every_method_tells_what_it_keeps(method):
    """Its labeler's classes and confidence, above its threshold."""
    torch.manual_seed(0)
    model = MODELS.build(tiny.network(**METHODS[method]))
    if model.guidance is not None:
        torch.manual_seed(1)
        model.guidance.models = [MODELS.build(tiny.network(**METHODS[method]))]
    stream = model.data_preprocessor(tiny.streams(), True)['inputs']['unlabeled']
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state = torch.get_rng_state()
    label, kept = model.kept_labels(stream)
    assert torch.equal(state, torch.get_rng_state()) and model.training
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    teaches = {'unimatchv2', 'meanteacher', 'augseg', 'balancedmatch', 'rankmatch_ema'}
    own = model.pseudo_label(stream)
    same = torch.equal(label.conf, own.conf)
    assert same == (method not in teaches | {'cps'})
    thresh = float(model.label_thresh)
    assert thresh == pytest.approx(dict(cps=0, corrmatch=0.3).get(method, 0.2))
    assert torch.equal(kept, stream['valid'] & (label.conf >= thresh))


@pytest.mark.parametrize('wrong', [dict(interval=0), dict(num_images=-1)])
def test_numbers_out_of_range(wrong):
    with pytest.raises(ValueError, match='default_hooks.pseudo_labels=None'):
        PseudoLabelHook(**wrong)

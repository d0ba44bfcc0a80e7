import copy
import pickle

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmsemi.engine.hooks import EMATeacherHook, PreviousModelsHook
from mmsemi.models.methods.prevmatch import draw_ensemble, triangular
from mmsemi.registry import HOOKS, MODELS
from tests.helpers import networks as tiny
from tests.helpers import tools

THRESH = dict(conf_thresh=0.3, prev_conf_thresh=0.3)


class Oracle(nn.Module):
    """A previous model that predicts one class everywhere, confidently."""

    def __init__(self, label):
        super().__init__()
        self.label = label
        self.weight = nn.Parameter(torch.ones(1))
        self.images = []

    def logits(self, images):
        self.images.append(images)
        logits = images.new_zeros(len(images), 4, *images.shape[2:])
        logits[:, self.label] = 20 * self.weight
        return logits


def build(models=(), epoch=1, max_epochs=4, **kwargs):
    torch.manual_seed(0)
    model = MODELS.build(tiny.network(**{**dict(type='PrevMatch'), **THRESH, **kwargs}))
    model.guidance.models = models
    model.guidance.epoch = epoch
    model.guidance.max_epochs = max_epochs
    return model


def losses(model, batch=None):
    batch = batch or tiny.streams()
    model.train()
    torch.manual_seed(1)
    return model(**model.data_preprocessor(batch, True), mode='loss')


def test_lambda_rises_and_falls():
    assert [triangular(e, 4) for e in range(4)] == [0, 0.5, 1, 0.5]
    assert triangular(0, 1) == 1  # no division by zero


def test_ensemble_is_drawn_without_replacement():
    rng = np.random.default_rng(0)
    sizes = set()
    for _ in range(200):
        drawn = draw_ensemble(5, 3, rng)
        indices, weights = zip(*drawn, strict=True)
        sizes.add(len(indices))
        assert len(set(indices)) == len(indices)
        assert set(indices) <= set(range(5))
        assert sum(weights) == pytest.approx(1) and min(weights) > 0
    assert sizes == {1, 2, 3}
    assert {len(draw_ensemble(2, 3, rng)) for _ in range(50)} == {1, 2}


def test_without_previous_models_it_is_unimatch():
    prev = losses(build())
    torch.manual_seed(0)
    model = MODELS.build(tiny.network(type='UniMatch', conf_thresh=0.3))
    unimatch = losses(model)
    for key, value in unimatch.items():
        torch.testing.assert_close(prev[key], value, rtol=0, atol=0)
    for key in set(prev) - set(unimatch):
        assert prev[key] == 0


def test_previous_models_add_their_terms():
    alone = losses(build())
    guided = losses(build([Oracle(2)]))
    weight = guided['prev_weight'].item()
    assert weight == 0.5 and guided['prev_models'] == 1
    for key in ('loss_sup', 'loss_strong', 'loss_fp'):
        torch.testing.assert_close(guided[key] * (2 + weight), alone[key] * 2)
    assert guided['loss_prev_strong'] > 0 and guided['loss_prev_fp'] > 0
    assert guided['prev_mask_ratio'] == 1


def test_labels_of_an_ensemble():
    """The weighted logits decide; both streams see the same draw."""
    models = [Oracle(1), Oracle(2), Oracle(3)]
    model = build(models)
    model.guidance.seed = (0, 5)
    draw = draw_ensemble(3, 3, np.random.default_rng((0, 5)))
    u, m = (
        model.data_preprocessor(tiny.streams(), True)['inputs'][name]
        for name in ('unlabeled', 'partner')
    )
    own, partner = model.prev_labels(u, m)
    index, share = max(draw, key=lambda pair: pair[1])
    assert (own.label == models[index].label).all()
    assert (partner.label == models[index].label).all()
    assert own.valid is u['valid'] and partner.valid is m['valid']
    logits = torch.zeros(4)
    for i, weight in draw:
        logits[models[i].label] = 20 * weight
    assert own.conf.mean().item() == pytest.approx(
        logits.softmax(0).max().item(), rel=1e-5
    )
    assert sum(len(oracle.images) for oracle in models) == len(draw)


def test_in_batch_partner():
    batch = tiny.streams(partner=False)
    model = build([Oracle(2)])
    log = losses(model, batch)
    assert log['loss_prev_strong'] > 0
    u = model.data_preprocessor(batch, True)['inputs']['unlabeled']
    own, partner = model.prev_labels(u, None)
    assert len(own.conf) == len(u['weak'])
    assert partner is own and partner.valid is u['valid']
    assert [(p.image, p.partner) for p in u['boxes'][0]] == [(0, 1), (1, 0)]


@pytest.mark.parametrize('weighting', ['pixelwise', 'pixelratio', 'pixelavg'])
def test_weightings(weighting):
    log = losses(build([Oracle(2)], prev_weighting=weighting))
    assert log['loss_prev_strong'] > 0
    # Two fully confident images: pixelavg counts both of them twice, and also
    # the padding.
    plain = losses(build([Oracle(2)]))['loss_prev_strong']
    corrected = losses(
        build([Oracle(2)], prev_weighting=weighting, corrected_weighting=True)
    )['loss_prev_strong']
    torch.testing.assert_close(corrected, plain)
    if weighting == 'pixelavg':
        assert log['loss_prev_strong'] > 2 * corrected


def test_lent_models_are_no_part_of_the_network():
    model = build()
    names, count = set(model.state_dict()), len(list(model.parameters()))
    oracle = Oracle(2)
    model.guidance.models = [oracle]
    assert set(model.state_dict()) == names
    assert len(list(model.parameters())) == count
    model.double()
    assert oracle.weight.dtype == torch.float32
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model.guidance))):
        guidance = getattr(other, 'guidance', other)
        assert guidance.models is None and guidance.source == 'previous'


def test_previous_models_get_no_gradient():
    oracle = Oracle(2)
    model = build([oracle])
    total, _ = model.parse_losses(losses(model))
    total.backward()
    assert oracle.weight.grad is None
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize(
    'guidance, hook', [('previous', 'PreviousModelsHook'), ('ema', 'EMATeacherHook')]
)
def test_a_missing_hook_is_named(guidance, hook):
    with pytest.raises(RuntimeError, match=hook):
        losses(build(None, guidance=guidance))


@pytest.mark.parametrize(
    'wrong', [dict(guidance='future'), dict(prev_weighting='imagewise')]
)
def test_unknown_options(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        build(**wrong)


CONFIGS = sorted((tools.ROOT / 'configs/prevmatch').glob('*.py'))


@pytest.mark.usefixtures('bases_read_once')
@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_configs_have_a_hook_that_lends(path):
    cfg = Config.fromfile(path)
    (hook,) = (HOOKS.build(hook) for hook in cfg.custom_hooks)
    ema = path.stem.endswith('_ema')
    source = 'ema' if ema else 'previous'
    assert isinstance(hook, EMATeacherHook if ema else PreviousModelsHook)
    assert cfg.model.get('guidance', 'previous') == source
    on_a_cpu = '_r18' in path.stem or '_lite0' in path.stem
    assert cfg.optim_wrapper.type == (
        'OptimWrapper' if on_a_cpu else 'AutocastOptimWrapper'
    )
    if not ema:
        late = path.stem.startswith(('ade20k', 'coco')) and not on_a_cpu
        assert (hook.max_models, hook.base_epochs) == ((5, 5) if late else (8, 0))

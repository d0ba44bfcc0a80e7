"""Eval-mode figures of UniMatch V2's released networks."""

import json

import numpy as np
import pytest
import torch

from . import released

SIZES = ('small', 'base')


@pytest.fixture(scope='module')
def figures(golden):
    return np.load(golden / 'forward_v2.npz')


@pytest.fixture(scope='module', params=SIZES)
def network(golden, request):
    """Name and network, with the weights that the figures belong to."""
    name = f'unimatch_v2_{request.param}'
    file = golden / 'keys' / f'{name}.json'
    shapes = json.loads(file.read_text())
    num_classes = shapes['head.scratch.output_conv.2.weight'][0]
    model = released.dinov2(dict(type='Supervised'), num_classes, request.param)
    model.load_state_dict(released.state_dict(file, np.float32))
    return name, model.eval().requires_grad_(False)


def near(ours, theirs):
    """Compare as the figures' README says."""
    assert np.abs(ours - theirs).max() <= 3e-5 * np.abs(theirs).mean()


def test_logits(figures, network):
    name, model = network
    logits = model.logits(torch.as_tensor(figures['image']))
    near(logits.numpy(), figures[f'{name}_logits'])


def test_features(figures, network):
    name, model = network
    feats = model.extract_feat(torch.as_tensor(figures['image']))
    tokens = [feat.flatten(2).transpose(1, 2) for feat in feats]
    first = np.stack([each[0, :4, :8].numpy() for each in tokens])
    near(first, figures[f'{name}_feat_first'])
    norms = np.array([each.double().norm() for each in tokens])
    near(norms, figures[f'{name}_feat_norm'])
    sums = np.array([each.double().sum() for each in tokens])
    assert np.abs(sums - figures[f'{name}_feat_sum']).max() <= 1e-5 * norms.mean()


def test_logits_and_positions_at_the_trained_size(figures, network):
    name, model = network
    if f'{name}_logits518' not in figures:
        pytest.skip('only recorded for the small network')
    height, width = (side // 14 for side in figures['image'].shape[2:])
    positions = model.backbone.position_embedding(height, width)
    near(positions.numpy(), figures[f'{name}_pos_embed'])
    image = released.rnd(int(figures['image518_seed']), 1, 3, 518, 518)
    logits = model.logits(torch.as_tensor(image))[:, :, ::37, ::37]
    near(logits.numpy(), figures[f'{name}_logits518'])

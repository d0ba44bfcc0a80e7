"""UniMatch V2's decode head."""

import pytest
import torch

from mmsemi.registry import MODELS
from tests.helpers.networks import NETWORKS

HEAD = NETWORKS['dinov2']['decode_head']


def levels(count=4, rows=3, columns=5):
    channels = HEAD['in_channels'][0]
    return [torch.randn(2, channels, rows, columns) for _ in range(count)]


def test_logits_have_8_times_the_size_and_every_weight_learns():
    head = MODELS.build(HEAD)
    logits = head(levels())
    assert logits.shape == (2, HEAD['num_classes'], 24, 40)
    logits.square().sum().backward()
    without = {n for n, p in head.named_parameters() if p.grad is None}
    assert without == {
        f'fusions.3.skip.{conv}.{kind}'
        for conv in ('conv1', 'conv2')
        for kind in ('weight', 'bias')
    }
    assert not any(p.requires_grad for p in head.fusions[3].skip.parameters())


def test_without_the_unused_unit():
    released, corrected = (
        MODELS.build(HEAD),
        MODELS.build(dict(HEAD, unused_unit=False)),
    )
    state = released.state_dict()
    unused = [name for name in state if name.startswith('fusions.3.skip.')]
    assert len(unused) == 4
    for name in unused:
        del state[name]
    corrected.load_state_dict(state)
    feats = levels()
    assert torch.equal(released(feats), corrected(feats))


def test_four_levels():
    with pytest.raises(ValueError, match='fuses four levels'):
        MODELS.build(dict(HEAD, in_channels=[24] * 3, in_index=(0, 1, 2)))

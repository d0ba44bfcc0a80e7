"""The heads in training, which the golden logits do not show."""

import pytest
import torch

from mmsemi.registry import MODELS

FEATS = [torch.ones(2, 8, 12, 12), torch.ones(2, 16, 6, 6)]
COMMON = dict(
    in_channels=16,
    num_classes=3,
    norm_cfg=dict(type='BN'),
    align_corners=True,
    loss_decode=dict(type='PixelCrossEntropyLoss'),
)


def build(type, **kwargs):
    torch.manual_seed(0)
    return MODELS.build(dict(type=type, **COMMON, **kwargs)).train()


def v3plus(**kwargs):
    return build(
        'DeepLabV3PlusHead', channels=16, c1_in_channels=8, dropout_ratio=0, **kwargs
    )


def output_of(head, name, run):
    """Return the output of a layer in one forward."""
    seen = []
    handle = head.get_submodule(name).register_forward_hook(
        lambda module, args, out: seen.append(out)
    )
    run()
    handle.remove()
    return seen[0]


def zero_channels(x):
    """Channels of an image that are 0 everywhere: (B, C) bool."""
    return (x == 0).flatten(2).all(2)


def test_channels_are_dropped_after_the_projection():
    head = v3plus(project_dropout=0.5)
    project = output_of(head, 'project', lambda: head(FEATS))
    dropped = output_of(head, 'project_dropout', lambda: head(FEATS))
    gone = zero_channels(dropped) & ~zero_channels(project)
    assert 0 < gone.sum() < gone.numel()


def pspnet(**kwargs):
    return build('PSPNetHead', channels=16, **kwargs)


@pytest.mark.parametrize(
    'name, make, option',
    [('fuse_dropout', v3plus, 'fuse_dropout'), ('dropout', pspnet, 'dropout_ratio')],
)
def test_single_elements_are_dropped(name, make, option):
    head = make(**{option: 0.5})
    x = torch.rand(2, 16, 12, 12) + 1
    dropped = head.get_submodule(name)(x)
    assert 0.4 < (dropped == 0).float().mean() < 0.6
    assert not zero_channels(dropped).any()
    # The classifier gets the dropped features.
    assert (output_of(head, name, lambda: head(FEATS)) == 0).any()


@pytest.mark.parametrize('name', ['project_dropout', 'fuse_dropout'])
def test_without_dropout_nothing_is_drawn(name):
    head = v3plus()
    torch.manual_seed(1)
    state = torch.get_rng_state()
    head(FEATS)
    assert torch.equal(state, torch.get_rng_state())


def test_deeplabv2_sums_its_classifiers():
    head = build('DeepLabV2Head')
    assert [conv.dilation for conv in head.conv_seg] == [
        (6, 6),
        (12, 12),
        (18, 18),
        (24, 24),
    ]
    total = head(FEATS)
    with torch.no_grad():
        for conv in head.conv_seg[1:]:
            conv.weight.zero_()
            conv.bias.zero_()
    alone = head(FEATS)
    torch.testing.assert_close(alone, head.conv_seg[0](FEATS[-1]))
    assert not torch.allclose(alone, total)

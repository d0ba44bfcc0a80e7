import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmsemi.models.losses import cross_entropy, ohem_cross_entropy
from mmsemi.registry import MODELS


def head_loss(loss_decode, mask, **kwargs):
    """Logits at the mask's size, and the losses of an mmseg head."""
    head = MODELS.build(
        dict(
            type='mmseg.FCNHead',
            in_channels=4,
            channels=4,
            num_convs=0,
            concat_input=False,
            num_classes=3,
            align_corners=True,
            loss_decode=loss_decode,
            **kwargs,
        )
    )
    torch.manual_seed(0)
    logits = torch.randn(len(mask), 3, 4, 5)
    samples = [
        SegDataSample(gt_sem_seg=PixelData(data=sample[None])) for sample in mask
    ]
    logits_large = F.interpolate(
        logits, mask.shape[1:], mode='bilinear', align_corners=True
    )
    return logits_large, head.loss_by_feat(logits, samples)


@pytest.fixture
def mask():
    mask = torch.arange(2 * 8 * 9).view(2, 8, 9) % 3
    mask[:, :3] = 255
    return mask


def test_as_loss_decode_of_an_mmseg_head(mask):
    logits, losses = head_loss(
        [
            dict(type='PixelCrossEntropyLoss', loss_weight=2.0),
            dict(type='PixelOHEMLoss', thresh=0.4, min_kept=10, loss_weight=0.5),
        ],
        mask,
    )
    torch.testing.assert_close(losses['loss_ce'], 2 * cross_entropy(logits, mask))
    torch.testing.assert_close(
        losses['loss_ohem'], 0.5 * ohem_cross_entropy(logits, mask, 0.4, 10)
    )


def test_head_decides_what_is_ignored(mask):
    mask[mask == 255] = 1
    logits, losses = head_loss(
        [dict(type='PixelCrossEntropyLoss'), dict(type='PixelOHEMLoss')],
        mask,
        ignore_index=1,
    )
    torch.testing.assert_close(
        losses['loss_ce'], F.cross_entropy(logits, mask, ignore_index=1)
    )
    torch.testing.assert_close(losses['loss_ohem'], losses['loss_ce'])


def test_pixel_sampler(mask):
    """Its weights reach PixelCrossEntropyLoss; PixelOHEMLoss refuses them."""
    sampler = dict(type='OHEMPixelSampler', thresh=0.4, min_kept=10)
    _, whole = head_loss(dict(type='PixelCrossEntropyLoss'), mask)
    _, sampled = head_loss(dict(type='PixelCrossEntropyLoss'), mask, sampler=sampler)
    assert 0 < sampled['loss_ce'] < whole['loss_ce']
    for name in ('PixelOHEMLoss', 'PixelDiceLoss'):
        with pytest.raises(ValueError, match=f'{name}.* remove `sampler`'):
            head_loss(dict(type=name), mask, sampler=sampler)


@pytest.mark.parametrize('name', ['PixelCrossEntropyLoss', 'PixelFocalLoss'])
def test_pixel_sampler_by_loss(name, mask):
    """Without `thresh` it reads the loss of every pixel, class weights included."""
    weights = [0.0, 1.0, 2.0]
    sampler = dict(type='OHEMPixelSampler', min_kept=10)
    loss = dict(type=name, class_weight=weights)
    logits, sampled = head_loss(loss, mask, sampler=sampler)
    per_pixel = MODELS.build(loss)(logits, mask, reduction_override='none')
    assert per_pixel.shape == mask.shape
    assert (per_pixel[(mask == 0) | (mask == 255)] == 0).all()
    hardest = per_pixel.flatten().topk(20).values.sum()
    torch.testing.assert_close(
        sampled[MODELS.build(loss).loss_name],
        hardest / torch.tensor([*weights])[mask[mask != 255]].sum(),
    )


ALL = {
    'PixelCrossEntropyLoss': 'loss_ce',
    'PixelOHEMLoss': 'loss_ohem',
    'PixelFocalLoss': 'loss_focal',
    'PixelDiceLoss': 'loss_dice',
    'PixelTverskyLoss': 'loss_tversky',
    'PixelLovaszLoss': 'loss_lovasz',
}


def test_all_of_them_in_one_head(mask):
    _, losses = head_loss([dict(type=name) for name in ALL], mask)
    assert {*ALL.values()} <= losses.keys()
    _, doubled = head_loss([dict(type=name, loss_weight=2.0) for name in ALL], mask)
    for name in ALL.values():
        torch.testing.assert_close(doubled[name], 2 * losses[name])


@pytest.mark.parametrize('name', ALL)
def test_class_weights(name, mask):
    loss = MODELS.build(dict(type=name, class_weight=[1, 2, 3]))
    assert not loss.state_dict()  # checkpoints do not depend on it
    logits = torch.randn(2, 3, 8, 9)
    even = MODELS.build(dict(type=name, class_weight=[2, 2, 2]))
    plain = MODELS.build(dict(type=name))
    torch.testing.assert_close(even(logits, mask), plain(logits, mask))
    assert loss(logits, mask) != plain(logits, mask)
    with pytest.raises(ValueError, match='3 weights for 4 classes'):
        loss(torch.randn(2, 4, 8, 9), mask)


@pytest.mark.parametrize('name', ALL)
@pytest.mark.parametrize(
    'weights', [[], [0, 0, 0], [1, -1, 1], [1, float('nan'), 1], 'w.npy', 2.0, ['a']]
)
def test_class_weights_that_are_none(name, weights):
    with pytest.raises(ValueError, match=f'class_weight of {name}'):
        MODELS.build(dict(type=name, class_weight=weights))


@pytest.mark.parametrize(
    'loss',
    [
        dict(type='PixelFocalLoss', gamma=-1),
        dict(type='PixelDiceLoss', smooth=0),
        dict(type='PixelTverskyLoss', alpha=-0.1),
        dict(type='PixelTverskyLoss', smooth=0),
        dict(type='PixelLovaszLoss', classes='some'),
    ],
)
def test_arguments_out_of_range(loss):
    with pytest.raises(ValueError, match='must be'):
        MODELS.build(loss)

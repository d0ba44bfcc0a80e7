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
    """Its weights reach PixelCrossEntropyLoss; PixelOHEMLoss selects by itself."""
    sampler = dict(type='OHEMPixelSampler', thresh=0.4, min_kept=10)
    _, whole = head_loss(dict(type='PixelCrossEntropyLoss'), mask)
    _, sampled = head_loss(dict(type='PixelCrossEntropyLoss'), mask, sampler=sampler)
    assert 0 < sampled['loss_ce'] < whole['loss_ce']
    with pytest.raises(ValueError, match='sampler'):
        head_loss(dict(type='PixelOHEMLoss'), mask, sampler=sampler)

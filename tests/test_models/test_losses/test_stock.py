"""Criteria of mmseg as a method calls them, on any device."""

import pytest
import torch
import torch.nn.functional as F
from mmseg.models.losses import CrossEntropyLoss, FocalLoss
from torch import nn

from mmsemi.models.losses import apply_criterion, check_criteria
from mmsemi.registry import MODELS
from tests.test_models.test_losses.test_functional import random_case

WEIGHTS = [1.0, 0.5, 2.0, 0.0, 3.0]


@pytest.mark.parametrize('avg_non_ignore', [True, False])
def test_cross_entropy_with_class_weights(avg_non_ignore):
    logits, mask = random_case(0)
    criterion = CrossEntropyLoss(class_weight=WEIGHTS, avg_non_ignore=avg_non_ignore)
    expected = F.cross_entropy(
        logits, mask, logits.new_tensor(WEIGHTS), ignore_index=255
    )
    torch.testing.assert_close(
        apply_criterion(criterion, logits, mask), expected, rtol=1e-6, atol=1e-9
    )


def sigmoid_focal(logits, mask, alpha, weights):
    """The definition: each class against all others, mean over all elements."""
    total = 0
    for c in range(logits.shape[1]):
        prob = logits[:, c].sigmoid()
        hit = torch.where(mask == c, prob, 1 - prob)
        a = torch.where(mask == c, alpha[c], 1 - alpha[c])
        loss = -a * (1 - hit) ** 2 * hit.log() * weights[c]
        total = total + loss[mask != 255].sum()
    return total / logits.numel()


@pytest.mark.parametrize('alpha', [0.25, [0.1, 0.3, 0.5, 0.7, 0.9]])
def test_focal_on_a_cpu(alpha):
    logits, mask = random_case(1)
    criterion = FocalLoss(alpha=alpha, class_weight=WEIGHTS)
    expected = sigmoid_focal(
        logits, mask, alpha if isinstance(alpha, list) else [alpha] * 5, WEIGHTS
    )
    torch.testing.assert_close(apply_criterion(criterion, logits, mask), expected)


def test_focal_with_pixel_weights():
    logits, mask = random_case(2)
    kept = torch.rand(mask.shape) < 0.5
    torch.testing.assert_close(
        apply_criterion(FocalLoss(), logits, mask, kept.double()),
        apply_criterion(FocalLoss(), logits, mask.masked_fill(~kept, 255)),
    )


@pytest.mark.parametrize(
    'loss',
    [
        dict(type='CrossEntropyLoss'),
        dict(type='DiceLoss', use_sigmoid=False),
        dict(type='TverskyLoss'),
        dict(type='LovaszLoss', reduction='none'),
    ],
)
def test_others_are_called_as_mmsegs_heads_call_them(loss):
    logits, mask = random_case(3, torch.float32)
    criterion = MODELS.build(loss)
    torch.testing.assert_close(
        apply_criterion(criterion, logits, mask),
        criterion(logits, mask, weight=None, ignore_index=255),
    )


def test_class_weights_are_counted():
    good = [
        MODELS.build(dict(type='PixelDiceLoss')),
        CrossEntropyLoss(class_weight=WEIGHTS),
    ]
    check_criteria(nn.ModuleList(good), 5)
    with pytest.raises(ValueError, match=r'loss_decode\.1\.class_weight has 5 .* 4 cl'):
        check_criteria(nn.ModuleList(good), 4)
    with pytest.raises(ValueError, match=r'loss_decode\.class_weight has 5 .* 6 cl'):
        check_criteria(good[1], 6)


def test_losses_that_heads_cannot_call():
    with pytest.raises(ValueError, match='loss_decode: OhemCrossEntropy cannot'):
        check_criteria(MODELS.build(dict(type='OhemCrossEntropy')), 5)

"""Losses of whole classes, against their definitions and mmseg's code."""

import pytest
import torch
from mmseg.models.losses.dice_loss import dice_loss as mmseg_dice
from mmseg.models.losses.lovasz_loss import lovasz_softmax as mmseg_lovasz
from mmseg.models.losses.tversky_loss import TverskyLoss

from mmsemi.models.losses import dice_loss, lovasz_softmax, tversky_loss
from tests.test_models.test_losses.test_functional import random_case

WEIGHTS = torch.tensor([1.0, 0.5, 2.0, 0.0, 3.0], dtype=torch.float64)
LOSSES = dict(dice=dice_loss, tversky=tversky_loss, lovasz=lovasz_softmax)


def pixels(logits, mask):
    """Probabilities (N, C) and classes (N,) of the labeled pixels."""
    labeled = mask != 255
    return logits.softmax(1).movedim(1, -1)[labeled], mask[labeled]


def dice(prob, truth):
    return 1 - (2 * (prob * truth).sum() + 1) / ((prob**2).sum() + (truth**2).sum() + 1)


def tversky(prob, truth):
    hit = (prob * truth).sum()
    false, missed = (prob * (1 - truth)).sum(), ((1 - prob) * truth).sum()
    return 1 - (hit + 1) / (hit + 0.3 * false + 0.7 * missed + 1)


def lovasz(prob, truth):
    """The integral of the Jaccard loss over the sets of errors above a level."""
    errors = (truth - prob).abs()
    total, below = 0, 0
    for level in errors.sort().values:
        wrong = errors >= level
        union = ((truth == 1) | wrong).sum()
        total = total + (level - below) * wrong.sum() / union
        below = level
    return total


DEFINITIONS = dict(dice=dice, tversky=tversky, lovasz=lovasz)


@pytest.mark.parametrize('weights', [None, WEIGHTS])
@pytest.mark.parametrize('classes', ['present', 'all'])
@pytest.mark.parametrize('name', LOSSES)
def test_is_the_mean_over_classes_of_the_definition(name, classes, weights):
    logits, mask = random_case(0)
    mask[mask == 1] = 255  # a class that is absent
    prob, label = pixels(logits, mask)
    expected, total = 0, 0
    for c in range(5):
        if classes == 'all' or (label == c).any():
            w = 1 if weights is None else weights[c]
            truth = (label == c).double()
            expected = expected + w * DEFINITIONS[name](prob[:, c], truth)
            total = total + w
    loss = LOSSES[name](logits, mask, classes=classes, class_weight=weights)
    torch.testing.assert_close(loss, expected / total)


def test_dice_of_one_class_is_mmsegs():
    logits, mask = random_case(1, ignored=0)
    prob = logits.softmax(1)
    truth = (mask == 2).double()
    only = torch.zeros(5, dtype=torch.float64)
    only[2] = 1
    loss = dice_loss(logits, mask, smooth=1e-9, class_weight=only)
    theirs = mmseg_dice(
        prob[:, 2].reshape(1, 1, 1, -1), truth.reshape(1, 1, 1, -1), None, eps=1e-9
    )
    torch.testing.assert_close(loss, theirs)


def test_tversky_of_an_image_is_mmsegs():
    logits, mask = random_case(2, shape=(1, 5, 7, 6))
    loss = tversky_loss(logits, mask, classes='all')
    torch.testing.assert_close(loss, TverskyLoss()(logits, mask))


@pytest.mark.parametrize('classes', ['present', 'all'])
def test_lovasz_is_mmsegs(classes):
    logits, mask = random_case(3, torch.float32)  # theirs knows no other dtype
    mask[mask == 4] = 255
    theirs = mmseg_lovasz(logits.softmax(1), mask, classes, reduction='none')
    torch.testing.assert_close(lovasz_softmax(logits, mask, classes), theirs)


@pytest.mark.parametrize('weights', [None, WEIGHTS])
@pytest.mark.parametrize('name', LOSSES)
def test_gradient(name, weights):
    logits, mask = random_case(4, shape=(2, 5, 3, 3))
    assert torch.autograd.gradcheck(
        lambda x: LOSSES[name](x, mask, class_weight=weights), logits
    )


@pytest.mark.parametrize('classes', ['present', 'all'])
@pytest.mark.parametrize('name', LOSSES)
def test_nothing_labeled(name, classes):
    logits, mask = random_case(5)
    loss = LOSSES[name](logits, torch.full_like(mask, 255), classes=classes)
    (grad,) = torch.autograd.grad(loss, logits)
    assert loss == 0 and (grad == 0).all()


@pytest.mark.parametrize('name', LOSSES)
def test_ignored_pixels_do_not_count(name):
    logits, mask = random_case(6)
    loss = LOSSES[name](logits, mask)
    changed = torch.where((mask == 255)[:, None], torch.randn_like(logits), logits)
    torch.testing.assert_close(LOSSES[name](changed, mask), loss)
    # Another index may mark them.
    other = mask.masked_fill(mask == 255, 7)
    torch.testing.assert_close(LOSSES[name](logits, other, ignore_index=7), loss)


@pytest.mark.parametrize('name', LOSSES)
def test_perfect_predictions_cost_nothing(name):
    _, mask = random_case(7)
    label = mask.masked_fill(mask == 255, 0)
    logits = 100 * torch.nn.functional.one_hot(label, 5).movedim(-1, 1).double()
    assert LOSSES[name](logits, mask).abs() < 1e-9


@pytest.mark.parametrize('name', LOSSES)
def test_half_precision_is_computed_in_single(name):
    logits, mask = random_case(8)
    low = logits.detach().to(torch.bfloat16)
    loss = LOSSES[name](low, mask)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, LOSSES[name](low.float(), mask))

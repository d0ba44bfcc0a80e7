import re
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensorMode

from mmsemi.models.losses import (
    cross_entropy,
    focal_loss,
    masked_cross_entropy,
    ohem_cross_entropy,
    pixel_cross_entropies,
)

SHAPE = 2, 5, 7, 6  # B, C, H, W


def random_case(seed, dtype=torch.float64, shape=SHAPE, ignored=0.3):
    """Logits and a mask of which a share is ignored."""
    generator = torch.Generator().manual_seed(seed)
    batch, classes, height, width = shape
    logits = 3 * torch.randn(*shape, generator=generator, dtype=dtype)
    mask = torch.randint(classes, (batch, height, width), generator=generator)
    mask[torch.rand(mask.shape, generator=generator) < ignored] = 255
    return logits.requires_grad_(), mask


def all_or_nothing(logits):
    """Compute the losses of a batch without labeled or valid pixels."""
    ignored = torch.full((2, 7, 6), 255)
    nothing = torch.zeros(2, 7, 6, dtype=torch.bool)
    label = torch.zeros(2, 7, 6, dtype=torch.int64)
    return dict(
        masked=masked_cross_entropy(logits, label, ~nothing, nothing),
        plain=cross_entropy(logits, ignored),
        ohem=ohem_cross_entropy(logits, ignored, min_kept=10),
        focal=focal_loss(logits, ignored),
    )


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_ohem_golden(golden, dtype):
    figures = np.load(golden / 'units.npz')
    cases = sorted({k[:-7] for k in figures if re.match(r'ohem\d+_logits', k)})
    assert cases
    for case in cases:
        logits = torch.from_numpy(figures[f'{case}_logits']).to(dtype)
        target = torch.from_numpy(figures[f'{case}_target'])
        thresh, min_kept = figures[f'{case}_arg'].tolist()
        loss = ohem_cross_entropy(
            logits.requires_grad_(), target, thresh, int(min_kept)
        )
        loss.backward()
        assert loss.item() == pytest.approx(float(figures[f'{case}_loss']), rel=1e-6)
        assert logits.grad.norm().item() == pytest.approx(
            float(figures[f'{case}_gradnorm']), rel=1e-5
        )


@pytest.mark.parametrize('thresh', [0.05, 0.7, 1.0])
@pytest.mark.parametrize('min_kept', [1, 20, 55, 1000])
def test_ohem_by_sorting(thresh, min_kept):
    logits, mask = random_case(min_kept)
    labeled = mask != 255
    prob = (
        logits.softmax(1)
        .permute(0, 2, 3, 1)[labeled]
        .gather(1, mask[labeled][:, None])[:, 0]
    )
    if len(prob) < min_kept:
        expected = -prob.log().mean()
    else:
        bound = max(thresh, prob.sort().values[min_kept - 1].item())
        expected = -prob[prob <= bound].log().mean()
    loss = ohem_cross_entropy(logits, mask, thresh, min_kept)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-9)


def test_ohem_keeps_easy_pixels_of_a_small_batch():
    """All labeled pixels are easy, and fewer than min_kept."""
    logits = torch.zeros(1, 2, 1, 4)
    logits[:, 0] = 10.0
    mask = torch.tensor([[[0, 0, 255, 255]]])
    expected = F.cross_entropy(logits, mask, ignore_index=255)
    assert expected > 0
    torch.testing.assert_close(
        ohem_cross_entropy(logits, mask, 0.7, min_kept=3), expected
    )


@pytest.mark.parametrize('arg', [dict(thresh=0), dict(thresh=1.5), dict(min_kept=0)])
def test_ohem_refuses(arg):
    logits, mask = random_case(0)
    (name,) = arg
    with pytest.raises(ValueError, match=name):
        ohem_cross_entropy(logits, mask, **arg)


def test_masked_cross_entropy_by_pixel():
    logits, label = random_case(1, ignored=0)
    generator = torch.Generator().manual_seed(2)
    keep, valid = torch.rand(2, *label.shape, generator=generator) < 0.6
    total = 0.0
    for b, i, j in np.ndindex(*label.shape):
        if keep[b, i, j] and valid[b, i, j]:
            total -= logits[b, :, i, j].log_softmax(0)[label[b, i, j]].item()
    loss = masked_cross_entropy(logits, label, keep, valid)
    # Unconfident pixels count in the denominator, padding does not.
    assert loss.item() == pytest.approx(total / valid.sum().item(), rel=1e-9)


def test_cross_entropy_is_the_mean_over_labeled_pixels():
    logits, mask = random_case(3)
    torch.testing.assert_close(
        cross_entropy(logits, mask), F.cross_entropy(logits, mask, ignore_index=255)
    )
    weight = torch.rand(mask.shape, dtype=torch.float64)
    pixels = F.cross_entropy(logits, mask, ignore_index=255, reduction='none')[
        mask != 255
    ]
    torch.testing.assert_close(
        cross_entropy(logits, mask, weight), (pixels * weight[mask != 255]).mean()
    )
    other = mask.where(mask != 255, 4)
    torch.testing.assert_close(
        cross_entropy(logits, other, ignore_index=4),
        F.cross_entropy(logits, other, ignore_index=4),
    )


@pytest.mark.parametrize('name', ['masked', 'plain', 'ohem'])
def test_batches_without_a_usable_pixel(name):
    logits = torch.randn(SHAPE, requires_grad=True)
    loss = all_or_nothing(logits)[name]
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros(SHAPE))


def losses_of(logits, mask):
    label = mask.clamp(max=SHAPE[1] - 1)
    keep, valid = mask != 255, mask != 0
    return [
        masked_cross_entropy(logits, label, keep, valid),
        cross_entropy(logits, mask),
        ohem_cross_entropy(logits, mask, 0.3, 20),
    ]


def test_gradients():
    logits, mask = random_case(4, shape=(2, 3, 2, 3))
    label, valid = mask.clamp(max=2), mask != 0
    for loss in (
        partial(cross_entropy, mask=mask),
        partial(ohem_cross_entropy, mask=mask, min_kept=3),
        partial(masked_cross_entropy, label=label, keep=mask != 255, valid=valid),
    ):
        assert torch.autograd.gradcheck(loss, (logits,))


def test_several_labelings_of_the_same_logits():
    """They share a log-softmax, but neither values nor gradients."""
    logits, mask = random_case(6, shape=(2, 3, 4, 5))
    other = torch.randint(0, 3, mask.shape)
    ours = pixel_cross_entropies(logits, mask, other, ignore_index=255)
    theirs = [
        F.cross_entropy(logits, label, ignore_index=255, reduction='none')
        for label in (mask, other)
    ]
    assert all(map(torch.allclose, ours, theirs))
    upstream = torch.rand(2, *mask.shape, dtype=logits.dtype)
    gradients = [
        torch.autograd.grad(losses, logits, list(upstream))[0]
        for losses in (ours, theirs)
    ]
    assert torch.allclose(*gradients)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize('autocast', [False, True])
def test_half_precision_logits(dtype, autocast):
    """Losses of half precision logits are computed in float32."""
    logits, mask = random_case(5)
    half = logits.detach().to(dtype).requires_grad_()
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=autocast):
        losses = losses_of(half, mask)
    for loss, expected in zip(losses, losses_of(half.float(), mask), strict=True):
        assert loss.dtype == torch.float32
        assert loss.item() == expected.item()
    sum(losses).backward()
    assert half.grad.dtype == dtype


def test_no_value_reaches_the_host():
    """Fake tensors have no values: to read or select by one raises."""
    with FakeTensorMode():
        logits = torch.zeros(SHAPE, requires_grad=True)
        mask = torch.zeros(2, 7, 6, dtype=torch.int64)
        sum(losses_of(logits, mask)).backward()
    assert logits.grad.shape == SHAPE


WEIGHTS = torch.tensor([1.0, 0.5, 2.0, 0.0, 3.0], dtype=torch.float64)


def test_class_weights_are_those_of_pytorch():
    logits, mask = random_case(10)
    torch.testing.assert_close(
        cross_entropy(logits, mask, class_weight=WEIGHTS),
        F.cross_entropy(logits, mask, WEIGHTS, ignore_index=255),
    )
    # float32 weights, as a module keeps them, with float64 logits
    torch.testing.assert_close(
        cross_entropy(logits, mask, class_weight=WEIGHTS.float()),
        F.cross_entropy(logits, mask, WEIGHTS, ignore_index=255),
    )


def test_ohem_weighs_the_pixels_that_it_selects():
    logits, mask = random_case(11)
    prob = logits.softmax(1).gather(1, mask.clamp(max=4)[:, None])[:, 0]
    easy = mask.masked_fill(prob > 0.3, 255)
    assert 10 < (easy != 255).sum() < (mask != 255).sum()
    torch.testing.assert_close(
        ohem_cross_entropy(logits, mask, 0.3, 10, class_weight=WEIGHTS),
        F.cross_entropy(logits, easy, WEIGHTS, ignore_index=255),
    )


@pytest.mark.parametrize('gamma', [0, 0.5, 1, 2, 5])
@pytest.mark.parametrize('weights', [None, WEIGHTS])
def test_focal_loss_by_definition(gamma, weights):
    logits, mask = random_case(12)
    total = weight = 0
    for z, y in zip(logits.movedim(1, -1).reshape(-1, 5), mask.flatten(), strict=True):
        if y != 255:
            p = z.exp()[y] / z.exp().sum()
            w = 1 if weights is None else weights[y]
            total = total - w * (1 - p) ** gamma * p.log()
            weight = weight + w
    torch.testing.assert_close(
        focal_loss(logits, mask, gamma, class_weight=weights), total / weight
    )
    if gamma == 0:
        torch.testing.assert_close(
            focal_loss(logits, mask, gamma, class_weight=weights),
            cross_entropy(logits, mask, class_weight=weights),
        )


def test_focal_loss_of_two_classes_is_the_sigmoid_form():
    """mmseg's, on the difference of the logits, with alpha as class weights."""
    from mmseg.models.losses.focal_loss import py_sigmoid_focal_loss

    logits, mask = random_case(13, shape=(2, 2, 7, 6), ignored=0)
    margin = (logits[:, 1] - logits[:, 0]).reshape(-1, 1)
    theirs = py_sigmoid_focal_loss(margin, mask.reshape(-1, 1), alpha=0.25)
    alpha = torch.tensor([0.75, 0.25], dtype=torch.float64)
    weight = alpha[mask].mean()  # theirs divides by the pixels, not by alpha
    torch.testing.assert_close(
        focal_loss(logits, mask, class_weight=alpha) * weight, theirs
    )


@pytest.mark.parametrize(
    'loss',
    [
        cross_entropy,
        partial(ohem_cross_entropy, thresh=0.9, min_kept=5),
        focal_loss,
        partial(focal_loss, gamma=0.5),
    ],
)
def test_gradient_with_class_weights(loss):
    logits, mask = random_case(14, shape=(2, 5, 3, 3))
    assert torch.autograd.gradcheck(
        lambda x: loss(x, mask, class_weight=WEIGHTS), logits
    )


@pytest.mark.parametrize('gamma', [0, 0.5, 2])
def test_focal_loss_of_sure_pixels_has_a_finite_gradient(gamma):
    logits = torch.zeros(1, 5, 2, 2)
    logits[:, 3] = 1000
    logits.requires_grad_()
    mask = torch.tensor([[[3, 255], [3, 0]]])
    (grad,) = torch.autograd.grad(focal_loss(logits, mask, gamma), logits)
    assert grad.isfinite().all() and (grad[0, :, 0] == 0).all()


@pytest.mark.parametrize('loss', [cross_entropy, ohem_cross_entropy, focal_loss])
def test_classes_of_weight_0_alone(loss):
    logits, mask = random_case(15)
    alone = torch.where(mask == 255, mask, 3)
    value = loss(logits, alone, class_weight=WEIGHTS)
    (grad,) = torch.autograd.grad(value, logits)
    assert value == 0 and (grad == 0).all()

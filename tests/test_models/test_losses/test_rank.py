import re
from itertools import permutations
from math import log

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from mmsemi.models.losses import choose_landmarks, plackett_luce, rank_correlation_loss
from mmsemi.models.losses.rank import _landmark_prob
from mmsemi.registry import MODELS


def views(shape, seed=0, scale=0.5, dtype=torch.float64):
    """Features of a weak view and of a strong one that resembles it."""
    generator = torch.Generator().manual_seed(seed)
    weak, noise = scale * torch.randn(2, *shape, generator=generator, dtype=dtype)
    return weak, (weak + 0.5 * noise).requires_grad_()


def golden_cases(golden, dtype):
    figures = np.load(golden / 'units.npz')
    cases = sorted({k[:-5] for k in figures if re.match(r'rank\d+_loss', k)})
    assert cases
    for case in cases:
        figure = {
            key[len(case) + 1 :]: torch.from_numpy(figures[key])
            for key in figures
            if key.startswith(f'{case}_')
        }
        weak = figure['feat_weak'].to(dtype)
        strong = figure['feat_strong'].to(dtype).requires_grad_()
        image = torch.arange(len(weak))
        start = (37 * image + 11) % weak[0, 0].numel()
        yield weak, strong, start, figure


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_golden(golden, dtype):
    for weak, strong, start, figure in golden_cases(golden, dtype):
        landmarks = choose_landmarks(weak, start=start)
        assert torch.equal(landmarks, figure['landmark_index'])

        prob = _landmark_prob(weak, landmarks, 'dot', 1.0)
        ranking = plackett_luce(prob.topk(4, dim=1).values)[:, :, 0]
        torch.testing.assert_close(
            ranking, figure['ranking_weak_00'].to(dtype), rtol=1e-5, atol=1e-7
        )

        loss, _ = rank_correlation_loss(weak, strong, start=start)
        loss.backward()
        assert loss.item() == pytest.approx(figure['loss'].item(), rel=5e-6)
        grad = figure['grad_strong'].to(dtype)
        assert (strong.grad - grad).norm() < 1e-5 * grad.norm()


def landmarks_by_definition(feat, num, start):
    unit = feat / feat.norm(dim=0)
    chosen = [start]
    while len(chosen) < num:
        largest = [
            max(abs(unit[:, i] @ unit[:, j]).item() for j in chosen)
            for i in range(unit.size(1))
        ]
        chosen.append(int(np.argmin(largest)))
    return sorted(chosen)


def loss_by_definition(weak, strong, num, top, starts, similarity, divisor):
    """Compute the loss of features (B, C, N) by pixel and by ordering."""
    total, mass = [], []
    for f, g, start in zip(weak, strong, starts, strict=True):
        landmarks = landmarks_by_definition(f, num, start)
        if similarity == 'cosine':
            f, g = f / f.norm(dim=0), g / g.norm(dim=0)
        for pixel in range(f.size(1)):
            p = (f[:, landmarks].T @ f[:, pixel] / divisor).softmax(0)
            q = (g[:, landmarks].T @ g[:, pixel] / divisor).softmax(0)
            nearest = p.argsort(descending=True)[:top]
            mass.append(p[nearest].sum().item())
            for order in permutations(nearest.tolist()):
                ranking = []
                for prob in (p.tolist(), q.tolist()):
                    product = 1.0
                    for i, item in enumerate(order):
                        rest = sum(prob[other] for other in order[i:])
                        product *= prob[item] / (rest + 1e-10)
                    ranking.append(product)
                total.append(ranking[0] * (log(ranking[0]) - log(ranking[1] + 1e-10)))
    return np.mean(total), np.mean(mass)


@pytest.mark.parametrize(
    'shape, num, top',
    [
        ((1, 4, 3, 4), 12, 4),
        ((2, 7, 4, 3), 6, 3),
        ((3, 5, 2, 5), 5, 4),
        ((2, 3, 5, 1), 4, 2),
    ],
)
@pytest.mark.parametrize(
    'similarity, temperature, divisor',
    [
        ('dot', None, 1.0),
        ('dot', 2.0, 2.0),
        ('cosine', None, 0.1),
        ('cosine', 0.5, 0.5),
    ],
)
def test_definition(shape, num, top, similarity, temperature, divisor):
    weak, strong = views(shape, seed=num)
    start = torch.arange(shape[0])
    loss, mass = rank_correlation_loss(
        weak, strong, num, top, start, similarity, temperature
    )
    expected, expected_mass = loss_by_definition(
        weak.flatten(2),
        strong.detach().flatten(2),
        num,
        top,
        start.tolist(),
        similarity,
        divisor,
    )
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    assert mass.item() == pytest.approx(expected_mass, rel=1e-6)


@pytest.mark.parametrize('items', [1, 2, 3, 4])
def test_plackett_luce_is_a_distribution_over_orderings(items):
    p = torch.rand(2, items, 5, dtype=torch.float64)
    prob = plackett_luce(p)
    orders = list(permutations(range(items)))
    assert prob.shape == (2, len(orders), 5)
    torch.testing.assert_close(
        prob.sum(1), torch.ones(2, 5).double(), rtol=0, atol=1e-6
    )
    # The most probable ordering is the descending one.
    descending = p.argsort(1, descending=True)
    best = torch.tensor(orders)[prob.argmax(1)].mT
    assert torch.equal(best, descending)


def test_gradient():
    weak, strong = views((2, 4, 3, 3))

    def loss(strong):
        return rank_correlation_loss(weak, strong, 6, 3, start=torch.tensor([0, 5]))[0]

    assert torch.autograd.gradcheck(loss, (strong,))


def test_no_gradient_for_the_weak_view():
    weak, strong = views((1, 4, 3, 3))
    loss, mass = rank_correlation_loss(weak.requires_grad_(), strong, 6)
    loss.backward()
    assert weak.grad is None and not mass.requires_grad


def test_agreeing_views_have_no_loss():
    weak, _ = views((2, 8, 4, 4))
    loss, _ = rank_correlation_loss(weak, weak, 16)
    assert abs(loss.item()) < 1e-8


def test_saturated_softmax_is_a_dead_term():
    """The quirk, the value that shows it, and the cure."""
    weak, strong = views((2, 256, 9, 9), scale=100.0, dtype=torch.float32)
    loss, mass = rank_correlation_loss(weak, strong)
    (grad,) = torch.autograd.grad(loss, strong)
    assert loss.item() == 0 and not grad.any()
    assert mass.item() == pytest.approx(1)

    loss, mass = rank_correlation_loss(weak, strong, similarity='cosine')
    (grad,) = torch.autograd.grad(loss, strong)
    assert loss.item() > 1e-4 and grad.norm() > 0
    assert 0 < mass.item() < 1


def test_one_saturated_view_keeps_the_gradient_finite():
    weak, strong = views((1, 8, 8, 8), dtype=torch.float32)
    for scale in (10, 30, 100, 1000):
        loss, _ = rank_correlation_loss(weak, strong * scale)
        (grad,) = torch.autograd.grad(loss, strong)
        assert loss.isfinite() and grad.isfinite().all()


@pytest.mark.parametrize(
    'feat',
    [
        torch.zeros(2, 3, 4, 4),
        torch.ones(2, 3, 4, 4),
        torch.ones(2, 3, 4, 4) * (torch.arange(4) > 1),
    ],
)
def test_landmarks_are_distinct(feat):
    landmarks = choose_landmarks(feat, 16)
    assert torch.equal(landmarks, torch.arange(16).expand(2, 16))
    assert (choose_landmarks(feat, 9).diff(dim=1) > 0).all()


def test_random_start():
    feat, _ = views((64, 3, 1, 5))
    torch.manual_seed(3)
    start = choose_landmarks(feat, 1)
    assert set(start.flatten().tolist()) == set(range(5))
    torch.manual_seed(3)
    assert torch.equal(choose_landmarks(feat, 1), start)


@pytest.mark.parametrize(
    'arg, message',
    [
        (dict(num_landmarks=17), 'lower num_landmarks to 16'),
        (dict(num_landmarks=3, top=4), 'num_landmarks=3: lower top'),
        (dict(similarity='l2'), "'l2'"),
    ],
)
def test_refuses(arg, message):
    weak, strong = views((1, 3, 4, 4))
    with pytest.raises(ValueError, match=message):
        rank_correlation_loss(weak, strong, **arg)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_features(dtype):
    """Computed in float32, under autocast too."""
    weak, strong = (view.detach().to(dtype) for view in views((2, 8, 4, 4)))
    start = torch.tensor([1, 2])
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss, _ = rank_correlation_loss(weak, strong, 16, start=start)
    expected, _ = rank_correlation_loss(weak.float(), strong.float(), 16, start=start)
    assert loss.dtype == torch.float32
    assert loss.item() == expected.item()


def test_no_value_reaches_the_host():
    """Fake tensors have no values: to read or select by one raises."""
    with FakeTensorMode():
        weak = torch.zeros(2, 8, 4, 4)
        strong = torch.zeros(2, 8, 4, 4, requires_grad=True)
        for similarity in ('dot', 'cosine'):
            loss, _ = rank_correlation_loss(weak, strong, 16, similarity=similarity)
            loss.backward()
    assert strong.grad.shape == strong.shape


def test_module():
    weak, strong = views((1, 4, 3, 3))
    start = torch.tensor([4])
    module = MODELS.build(
        dict(
            type='RankCorrelationLoss',
            num_landmarks=8,
            top=3,
            similarity='cosine',
            temperature=0.2,
            loss_weight=0.1,
        )
    )
    loss, mass = module(weak, strong, start)
    expected = rank_correlation_loss(weak, strong, 8, 3, start, 'cosine', 0.2)
    assert loss.item() == pytest.approx(0.1 * expected[0].item())
    assert mass.item() == expected[1].item()

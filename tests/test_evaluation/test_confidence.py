"""Counts of confidence by their definitions."""

import numpy as np
import pytest
import torch

from mmsemi.evaluation import ConfidenceCounts, Thresholds, reliability
from mmsemi.evaluation.confidence import STEPS

CLASSES = 3


@pytest.fixture(scope='module')
def pixels():
    """Predictions, confidences and truths of two images, with ignored pixels."""
    rng = torch.Generator().manual_seed(0)
    predicted = torch.randint(CLASSES, (2, 40, 50), generator=rng)
    truth = torch.where(
        torch.rand(2, 40, 50, generator=rng) < 0.7,
        predicted,
        torch.randint(CLASSES, (2, 40, 50), generator=rng),
    )
    truth[:, :3] = 255
    confidence = torch.rand(2, 40, 50, generator=rng) * (2 / 3) + 1 / 3
    return predicted, confidence, truth


@pytest.fixture(scope='module')
def counts(pixels):
    counts = ConfidenceCounts(CLASSES)
    for image in zip(*pixels, strict=True):
        counts.add(*image)
    return counts


@pytest.fixture(scope='module')
def known(pixels):
    """The labeled pixels, as NumPy arrays."""
    predicted, confidence, truth = pixels
    there = (truth != 255).numpy()
    return tuple(each.numpy()[there] for each in (predicted, confidence, truth))


def test_confusion(counts, known):
    predicted, _, truth = known
    for t in range(CLASSES):
        for p in range(CLASSES):
            expected = ((truth == t) & (predicted == p)).sum()
            assert counts.confusion[t, p] == expected
    assert counts.confusion.sum() == len(truth)


@pytest.mark.parametrize('threshold', [0, 0.5, 0.7, 0.95])
def test_thresholds(threshold, counts, known):
    """Coverage of true classes, accuracy of predicted ones, and both of all."""
    predicted, confidence, truth = known
    kept, right = confidence >= threshold, predicted == truth
    place = Thresholds.index(threshold)
    assert place / STEPS == pytest.approx(threshold)
    whole = Thresholds.of(counts.by_true.sum(0))
    assert whole.coverage[place] == pytest.approx(kept.mean())
    assert whole.accuracy[place] == pytest.approx(right[kept].mean())
    separation = kept[right].mean() - kept[~right].mean()
    assert whole.separation[place] == pytest.approx(separation)
    for c in range(CLASSES):
        true, named = (
            Thresholds.of(each[c]) for each in (counts.by_true, counts.by_predicted)
        )
        assert true.coverage[place] == pytest.approx(kept[truth == c].mean())
        there = kept & (predicted == c)
        assert named.accuracy[place] == pytest.approx(right[there].mean())


def test_reliability(counts, known):
    predicted, confidence, truth = known
    place = np.minimum((confidence * 15).astype(int), 14)
    error = 0
    found = reliability(counts)
    for b in range(15):
        there = place == b
        assert found.pixels[b] == there.sum()
        if not there.any():
            assert np.isnan(found.accuracy[b])
            continue
        accuracy = (predicted == truth)[there].mean()
        assert found.accuracy[b] == pytest.approx(accuracy)
        assert found.confidence[b] == pytest.approx(confidence[there].mean(), rel=1e-5)
        error += there.mean() * abs(accuracy - confidence[there].mean())
    assert found.error == pytest.approx(error, rel=1e-4)
    excess = confidence.mean() - (predicted == truth).mean()
    assert found.excess == pytest.approx(excess, abs=1e-5)
    ones = predicted == 1
    excess = confidence[ones].mean() - (truth == 1)[ones].mean()
    assert reliability(counts, 1).excess == pytest.approx(excess, abs=1e-5)


def test_best_threshold():
    """Where right pixels are surer than 0.8 and wrong ones are not, it is 0.8."""
    counts = ConfidenceCounts(2)
    confidence = torch.tensor([[0.55, 0.7, 0.801, 0.9]])
    truth = torch.tensor([[0, 0, 1, 1]])
    counts.add(torch.ones(1, 4, dtype=torch.long), confidence, truth)
    kept = Thresholds.of(counts.by_true.sum(0))
    assert 0.7 < kept.best <= 0.801
    assert kept.separation[kept.index(kept.best)] == 1


def test_nothing_to_separate():
    counts = ConfidenceCounts(2)
    label = torch.zeros(1, 4, dtype=torch.long)
    counts.add(label, torch.full((1, 4), 1.0), label)
    kept = Thresholds.of(counts.by_true.sum(0))
    assert kept.best is None and kept.accuracy[-1] == 1
    assert np.isnan(reliability(counts, 1).error)

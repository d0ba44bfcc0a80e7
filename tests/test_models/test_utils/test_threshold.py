import re

import numpy as np
import pytest
import torch

from mmsemi.models.utils import AdaptiveThreshold, PseudoLabel, threshold


def batch(seed, num=2, classes=4):
    g = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(num, classes, 6, 5, generator=g)
    valid = torch.rand(num, 6, 5, generator=g) < 0.8
    return PseudoLabel.from_logits(logits, valid)


def test_golden(golden):
    figures = np.load(golden / 'units.npz')
    steps = sorted(k for k in figures if re.fullmatch(r'thresh\d+_logits', k))
    assert len(steps) == len(figures['thresh_sequence'])
    thresh = AdaptiveThreshold(init=0.5, momentum=0.9)
    for step, expected in zip(steps, figures['thresh_sequence'], strict=True):
        logits = torch.as_tensor(figures[step])
        ignore = torch.as_tensor(figures[step.replace('logits', 'ignore')])
        value = thresh.update(
            PseudoLabel.from_logits(logits, ignore != 255), logits.size(1)
        )
        assert value.item() == pytest.approx(float(expected), rel=1e-6)


def test_mean_of_the_classes_largest_confidences():
    thresh = AdaptiveThreshold(init=0.5, momentum=0.0)
    pred = PseudoLabel(
        conf=torch.tensor([[[0.4, 0.6, 0.7], [0.9, 0.8, 0.99]]]),
        label=torch.tensor([[[0, 0, 2], [2, 3, 0]]]),
        valid=torch.tensor([[[True, True, True], [True, False, False]]]),
    )
    # 0.6 of class 0 and 0.9 of class 2; class 3 is on padding alone.
    assert thresh.update(pred, 5).item() == pytest.approx(0.75)


def test_padding_alone_does_not_change_it():
    thresh = AdaptiveThreshold(init=0.6)
    pred = batch(0)
    pred = pred._replace(valid=torch.zeros_like(pred.valid))
    assert thresh.update(pred, 4) == thresh.value == torch.tensor(0.6)


def test_the_same_on_every_process(monkeypatch):
    """Two processes with two images each equal one process with four."""
    halves = [batch(0), batch(1)]
    sent = []
    monkeypatch.setattr(
        threshold, 'all_reduce', lambda data, op: sent.append((data.clone(), op))
    )
    for half in halves:
        AdaptiveThreshold().update(half, 4)
    assert [op for _, op in sent] == ['max', 'max']
    largest = torch.maximum(sent[0][0], sent[1][0])
    monkeypatch.setattr(threshold, 'all_reduce', lambda data, op: data.copy_(largest))
    values = [AdaptiveThreshold().update(half, 4) for half in halves]
    monkeypatch.undo()
    together = PseudoLabel(*(torch.cat(parts) for parts in zip(*halves, strict=True)))
    assert values[0] == values[1] == AdaptiveThreshold().update(together, 4)


def test_is_saved_and_returns_a_copy():
    thresh = AdaptiveThreshold(init=0.5)
    first = thresh.update(batch(0), 4)
    resumed = AdaptiveThreshold()
    resumed.load_state_dict(thresh.state_dict())
    logged = first.item()
    second = thresh.update(batch(1), 4)
    assert resumed.update(batch(1), 4) == second != first
    assert first.item() == logged

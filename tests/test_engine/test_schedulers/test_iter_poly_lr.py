import pytest
import torch

from mmsemi.engine.schedulers import IterPolyLR


def test_every_step_follows_the_formula():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    scheduler = IterPolyLR.build_iter_from_epoch(
        optimizer, power=0.9, eta_min=0, begin=0, end=2, epoch_length=5
    )
    for i in range(10):
        assert optimizer.param_groups[0]['lr'] == pytest.approx(
            0.3 * (1 - i / 10) ** 0.9, rel=1e-12
        )
        optimizer.step()
        scheduler.step()

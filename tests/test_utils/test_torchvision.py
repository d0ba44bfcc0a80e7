"""Import torchvision, and what needs it, whether or not its operators load."""

import pytest
import torch

from mmsemi.utils import torchvision as ours

pytest.importorskip('torchvision')


def test_mmpretrain_is_imported() -> None:
    from mmpretrain.models import VisionTransformer

    assert issubclass(VisionTransformer, torch.nn.Module)


def test_an_operator_that_does_not_load_is_refused_by_torch() -> None:
    if ours.operators_load():
        pytest.skip('the compiled operators load here')
    from torchvision.ops import nms

    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0]])
    with pytest.raises((NotImplementedError, RuntimeError), match='nms|custom C'):
        nms(boxes, torch.ones(1), 0.5)

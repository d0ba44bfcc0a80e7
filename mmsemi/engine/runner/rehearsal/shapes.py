"""Compute shapes where a CPU would take long to compute contents."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.structures import PixelData
from torch import Tensor, nn
from torch._subclasses import fake_tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._pytree import tree_leaves

from mmsemi.registry import MODELS

# Limit of weights times pixels, above which a CPU computes only shapes.  At about
# 64 multiplications per 1000 of these products, a step below it takes up to 10
# seconds on two cores.
MOST_WORK = 1e13
FAKE = FakeTensorMode(allow_non_fake_inputs=True)
NEED_CONTENTS = (
    fake_tensor.DataDependentOutputException,
    fake_tensor.DynamicOutputShapeException,
    fake_tensor.UnsupportedOperatorException,
)


def takes_long(model: nn.Module, batch: Any) -> bool:
    """Tell whether computing a batch would take a CPU long."""
    weights = list(model.parameters())
    if weights and isinstance(weights[0], fake_tensor.FakeTensor):
        return True  # there are no contents
    if not weights or weights[0].device.type != 'cpu':
        return False
    values = sum(
        leaf.numel()
        for leaf in tree_leaves(batch)
        if isinstance(leaf, Tensor) and leaf.dim() > 2
    )
    return values / 3 * sum(weight.numel() for weight in weights) > MOST_WORK


@contextmanager
def shapes_only() -> Iterator[None]:
    """Compute only shapes; leave the block at operations that need contents."""
    try:
        with FAKE:
            yield
    except NEED_CONTENTS:
        pass


def as_shapes(model: nn.Module) -> nn.Module:
    """Copy a network without the contents of its tensors."""
    if any(isinstance(t, fake_tensor.FakeTensor) for t in model.parameters()):
        return model
    model = copy.deepcopy(model)
    for layer in model.modules():
        for name, weight in list(layer.named_parameters(recurse=False)):
            shape = FAKE.from_tensor(weight.detach())
            setattr(layer, name, nn.Parameter(shape, weight.requires_grad))
        for name, buffer in list(layer.named_buffers(recurse=False)):
            setattr(layer, name, FAKE.from_tensor(buffer))
    return model


def build_shapes(cfg: dict) -> nn.Module:
    """Build a network without the contents of its tensors.

    Args:
        cfg (dict): ``model`` of a config.
    """
    with FAKE:
        return MODELS.build(copy.deepcopy(cfg))


def predict_shapes(model: nn.Module, batch: Any) -> list:
    """Predict shapes, and fill the predictions with zeros."""
    samples = copy.deepcopy(batch['data_samples'])
    outputs: list = []
    shapes = as_shapes(model).eval()
    with shapes_only():
        outputs = shapes.val_step(batch)
    for i, sample in enumerate(samples):
        tensors = outputs[i] if outputs else dict(pred_sem_seg=sample.gt_sem_seg)
        for name in ('seg_logits', 'pred_sem_seg'):
            if name in tensors:
                shape = tuple(tensors.get(name).data.shape)
                zeros = torch.zeros(shape, dtype=torch.long)
                sample.set_data({name: PixelData(data=zeros)})
    return samples

"""Bicubic interpolation as a matrix, for exported networks."""

import torch
from torch import Tensor


def cubic_matrix(places: Tensor, size: int) -> Tensor:
    """Compute the matrix that interpolates values at some places.

    The result is that of ``F.interpolate`` with ``mode='bicubic'`` along one
    side.  A graph that is exported for any size computes it with a matrix
    multiplication, where the operator of ONNX takes no scale of its own.

    Args:
        places (Tensor): (N,), floats; 0 is the center of the first value.
        size (int): Number of values.

    Returns:
        Tensor: (N, size).  Places beyond the border take the nearest value.
    """
    before = places.floor()
    values = torch.arange(size, dtype=places.dtype, device=places.device)
    matrix = torch.zeros((), dtype=places.dtype, device=places.device)
    for offset in (-1, 0, 1, 2):
        value = before + offset
        d = (places - value).abs()
        near = (1.25 * d - 2.25) * d * d + 1  # PyTorch's kernel, a = -0.75
        far = ((-0.75 * d + 3.75) * d - 6) * d + 3
        weight = torch.where(d <= 1, near, far)
        is_value = value.clamp(0, size - 1)[:, None] == values
        matrix = matrix + weight[:, None] * is_value
    return matrix

"""The matrix of the bicubic interpolation."""

import torch
import torch.nn.functional as F

from mmsemi.models.utils import cubic_matrix


def test_it_is_pytorchs_interpolation():
    values = torch.randn(7, dtype=torch.double)
    for count in (1, 4, 7, 19):
        scale = (count + 0.1) / 7
        places = (torch.arange(count, dtype=torch.double) + 0.5) / scale - 0.5
        expected = F.interpolate(
            values.expand(1, 1, 2, 7), scale_factor=(1, scale), mode='bicubic'
        )[0, 0, 0]
        torch.testing.assert_close(cubic_matrix(places, 7) @ values, expected)


def test_a_place_on_a_value_takes_it_alone():
    assert torch.equal(cubic_matrix(torch.arange(4.0), 4), torch.eye(4))

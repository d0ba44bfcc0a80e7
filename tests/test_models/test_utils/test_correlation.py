import numpy as np
import torch
import torch.nn.functional as F

from mmsemi.models.utils import CorrelationBlock, region_masks
from tests.test_parity.released import fill, region_positions


def test_golden(golden):
    figures = {
        key: torch.as_tensor(value)
        for key, value in np.load(golden / 'units.npz').items()
        if key.startswith('corr_')
    }
    feat, logits = figures['corr_feat'], figures['corr_logits']
    block = CorrelationBlock(feat.size(1), logits.size(1))
    block.project = torch.nn.Identity()  # the figures begin after it
    block.load_state_dict(
        {
            f'{ours}.{name}': torch.as_tensor(
                fill(
                    f'{theirs}.{name}',
                    block.get_parameter(f'{ours}.{name}').shape,
                    np.float32,
                )
            )
            for ours, theirs in (('query', 'conv1'), ('key', 'conv2'))
            for name in ('weight', 'bias')
        }
    )
    with torch.no_grad():
        out, corr = block(feat, logits)
    expected = F.interpolate(
        figures['corr_out'], logits.shape[2:], mode='bilinear', align_corners=True
    )
    assert (out - expected).abs().max() <= 1e-5 * expected.abs().mean()

    index = region_positions(figures['corr_map_sum'].size(1), corr.size(1))
    rows = corr[:, index].unflatten(2, feat.shape[2:])
    within = torch.ones(len(feat), *logits.shape[2:], dtype=torch.bool)
    masks = region_masks(rows, within)
    # Rounding decides for pixels halfway between a row's extremes.
    scaled = F.interpolate(
        rows.double(), logits.shape[2:], mode='bilinear', align_corners=True
    )
    low, high = scaled.amin((2, 3), True), scaled.amax((2, 3), True)
    close = ((scaled - low) / (high - low) - 0.5).abs() < 1e-5
    sums = figures['corr_map_sum']
    assert ((masks.sum((2, 3)) - sums).abs() <= close.sum((2, 3))).all()
    first = masks[:, :8]
    bits = np.unpackbits(figures['corr_map_first8'])[: first.numel()]
    differ = first != torch.as_tensor(bits).bool().view_as(first)
    assert not (differ & ~close[:, :8]).any()


def test_rows_are_those_of_the_whole():
    block = CorrelationBlock(6, 3, channels=4).eval()
    feat, logits = torch.randn(2, 6, 5, 4), torch.randn(2, 3, 17, 13)
    index = torch.tensor([7, 0, 19])
    out, corr = block(feat, logits)
    assert out.shape == logits.shape and corr.shape == (2, 20, 20)
    torch.testing.assert_close(
        block.rows(feat, index), corr[:, index].unflatten(2, (5, 4))
    )


def test_logits_get_no_gradient():
    """Only where they are spread is learned."""
    block = CorrelationBlock(6, 3, channels=4)
    feat = torch.randn(2, 6, 5, 4, requires_grad=True)
    logits = torch.randn(2, 3, 17, 13, requires_grad=True)
    block(feat, logits)[0].square().sum().backward()
    assert logits.grad is None
    assert feat.grad.abs().sum() > 0


def test_autocast_keeps_the_correlation_exact():
    block = CorrelationBlock(6, 3, channels=4).eval()
    with torch.autocast('cpu', torch.bfloat16):
        out, corr = block(torch.randn(1, 6, 5, 4), torch.randn(1, 3, 17, 13).bfloat16())
    assert out.dtype == corr.dtype == torch.float32
    torch.testing.assert_close(corr.sum(2), torch.ones(1, 20))

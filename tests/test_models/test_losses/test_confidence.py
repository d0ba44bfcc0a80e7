import pytest
import torch

from mmsemi.models.losses import WEIGHTINGS, pixel_cross_entropies

# Two images of 2x2 pixels: loss, confidence, valid.
LOSS = torch.tensor([[[1.0, 2.0], [4.0, 8.0]], [[16.0, 32.0], [64.0, 128.0]]])
CONF = torch.tensor([[[0.9, 0.5], [0.7, 0.1]], [[0.2, 0.6], [1.0, 0.8]]])
VALID = torch.tensor([[[1, 1], [1, 0]], [[0, 0], [1, 1]]]).bool()

# By hand at threshold 0.6, with 5 valid pixels in all: image 1 has 2 of 3
# confident, mean 0.7; image 2 has 2 of 2, mean 0.9.
EXPECTED = {
    ('pixelwise', False): (1 + 4 + 64 + 128) / 5,
    ('pixelwise', True): (1 + 4 + 64 + 128) / 5,
    ('pixelratio', False): (15 * 2 / 3 + 240) / 5,
    ('pixelratio', True): (7 * 2 / 3 + 192) / 5,
    ('pixelavg', False): 255 * (0.7 + 0.9) / 5,
    ('pixelavg', True): (7 * 0.7 + 192 * 0.9) / 5,
}


@pytest.mark.parametrize('weighting, corrected', EXPECTED)
def test_by_hand(weighting, corrected):
    ours = WEIGHTINGS[weighting](LOSS, CONF, VALID, 0.6, corrected)
    assert ours.item() == pytest.approx(EXPECTED[weighting, corrected])


@pytest.mark.parametrize('weighting', WEIGHTINGS)
@pytest.mark.parametrize('corrected', [False, True])
def test_all_padding_gives_zero(weighting, corrected):
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    (pixels,) = pixel_cross_entropies(logits, torch.zeros(2, 4, 4))
    loss = WEIGHTINGS[weighting](
        pixels, torch.ones(2, 4, 4), torch.zeros(2, 4, 4).bool(), 0.5, corrected
    )
    loss.backward()
    assert loss == 0 and torch.isfinite(logits.grad).all()


def test_one_process_equals_the_mean_of_two():
    """With one image each, without padding; not with the released pixelavg."""
    valid = torch.ones_like(VALID)
    for name, weigh in WEIGHTINGS.items():
        for corrected in (False, True):
            whole, first, second = (
                weigh(loss, conf, seen, 0.6, corrected)
                for loss, conf, seen in (
                    (LOSS, CONF, valid),
                    *zip(LOSS.split(1), CONF.split(1), valid.split(1), strict=True),
                )
            )
            same = (first + second) / 2 == pytest.approx(whole.item())
            assert same == ((name, corrected) != ('pixelavg', False)), name

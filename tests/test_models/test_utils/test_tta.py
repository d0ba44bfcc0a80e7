import numpy as np
import torch
import torch.nn.functional as F

from mmsemi.models.utils import tta_probabilities


def test_released_labels(golden):
    figures = {
        key: torch.as_tensor(value)
        for key, value in np.load(golden / 'units.npz').items()
        if key.startswith(('slide_', 'tta_'))
    }

    def network(images):
        return F.conv2d(
            images, figures['slide_weight'], figures['slide_bias'], padding=2
        )

    total = tta_probabilities(network, figures['slide_image'])
    torch.testing.assert_close(total, figures['tta_prob'])
    assert torch.equal(total.argmax(1).byte(), figures['tta_pred'])


def test_flipped_views_are_turned_back():
    """A network without context predicts the same for an image and its mirror."""
    images = torch.randn(2, 3, 6, 9)
    total = tta_probabilities(lambda x: x, images, scales=[1])
    torch.testing.assert_close(total, 2 * images.softmax(1))

"""From results to the tensors of a stream."""

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from mmsemi.registry import TRANSFORMS


def image_tensor(img: np.ndarray) -> torch.Tensor:
    """(H, W, 3) array to a contiguous (3, H, W) tensor that owns its data."""
    return torch.from_numpy(img.transpose(2, 0, 1).copy())


@TRANSFORMS.register_module()
class PackLabeled(BaseTransform):
    """Pack what the ``labeled`` stream holds.

    Returns:
        dict[str, Tensor]: ``weak`` (3, H, W) BGR uint8, and ``mask`` (H, W)
        uint8 with 255 to ignore.
    """

    def transform(self, results: dict) -> dict[str, torch.Tensor]:
        return dict(
            weak=image_tensor(results['img']),
            mask=torch.from_numpy(results['gt_seg_map'].copy()),
        )


@TRANSFORMS.register_module()
class PackUnlabeled(BaseTransform):
    """Pack what the ``unlabeled`` and ``partner`` streams hold.

    Returns:
        dict[str, Tensor]: ``weak``, ``strong1``, ... (3, H, W) BGR uint8;
        ``valid`` (H, W) bool, False on padding; ``box1``, ... (4,) int64.
        As many strong views and boxes as there are; ``draws1``, ...: dicts of
        what was drawn for views that are made on the device.
    """

    def transform(self, results: dict) -> dict[str, torch.Tensor]:
        packed = dict(
            weak=image_tensor(results['img']),
            valid=torch.from_numpy(results['valid'] == 1),
        )
        for key, value in results.items():
            if key.startswith('strong'):
                packed[key] = image_tensor(value)
            elif key.startswith('box'):
                packed[key] = torch.from_numpy(value)
            elif key.startswith('draws'):
                packed[key] = {
                    name: torch.from_numpy(drawn) for name, drawn in value.items()
                }
        return packed

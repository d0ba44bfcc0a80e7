"""Pack the results of a pipeline as the tensors of a stream."""

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from mmsemi.registry import TRANSFORMS


def image_tensor(img: np.ndarray) -> torch.Tensor:
    """Copy an (H, W, C) array into a contiguous (C, H, W) tensor."""
    return torch.from_numpy(img.transpose(2, 0, 1).copy())


@TRANSFORMS.register_module()
class PackLabeled(BaseTransform):
    """Pack an image of the stream ``labeled``.

    Reads ``img`` (S, S, C) uint8 and ``gt_seg_map`` (S, S) uint8.  Returns a
    dict as in :class:`mmsemi.structures.LabeledStream`, without B.
    """

    def transform(self, results: dict) -> dict:
        """Pack ``weak`` and ``mask``."""
        return dict(
            weak=image_tensor(results['img']),
            mask=torch.from_numpy(results['gt_seg_map'].copy()),
        )


@TRANSFORMS.register_module()
class PackUnlabeled(BaseTransform):
    """Pack an image of the stream ``unlabeled`` or ``partner``.

    Reads ``img`` (S, S, C) uint8, ``valid`` (S, S), 0 on padding, and, if
    there are any, the strong views of :class:`StrongViews` (``strong`` or
    ``draws``) and the boxes of :class:`CutMixBoxes` (``boxes``).  Returns a
    dict as in :class:`mmsemi.structures.UnlabeledStream`, without B.
    """

    def transform(self, results: dict) -> dict:
        """Pack ``weak``, ``valid`` and, if present, strong views and boxes."""
        packed: dict = dict(
            weak=image_tensor(results['img']),
            valid=torch.from_numpy(results['valid'] == 1),
        )
        if 'strong' in results:
            packed['strong'] = [image_tensor(view) for view in results['strong']]
        packed.update((k, results[k]) for k in ('draws', 'boxes') if k in results)
        return packed

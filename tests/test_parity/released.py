"""Rebuild the inputs, weights and draws that the golden figures came from.

The recipes are those of ``tests/data/golden/README.md``.
"""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from mmengine.registry import init_default_scope
from torch.utils._pytree import tree_map_only

from mmsemi.models.released import convert_state_dict
from mmsemi.registry import MODELS
from mmsemi.structures import as_pastes

# Of the networks of UniMatch V2: the head's channels, the encoder's, the levels'.
DPT = dict(small=(64, 384, (48, 96, 192, 384)), base=(128, 768, (96, 192, 384, 768)))


def fill(name: str, shape, dtype=np.float64) -> np.ndarray:
    """Compute a tensor of the released state dict from its name."""
    if 'num_batches_tracked' in name:
        return np.zeros(shape, np.int64)
    n = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    if name.endswith('running_var'):
        v = 1 + 0.1 * np.abs(n)
    elif name.endswith('running_mean'):
        v = 0.1 * n
    elif len(shape) in (2, 4):
        v = n * np.sqrt(2 / np.prod(shape[1:]))
    elif len(shape) == 1 and name.endswith('weight'):
        v = 1 + 0.1 * n
    else:
        v = 0.1 * n
    if name.endswith(('bn3.weight', 'sepconv3.bn2.weight')):
        v = 0.2 * v
    if name.endswith('output_conv.2.weight'):
        v = 0.05 * v
    return v.astype(dtype)


def state_dict(keys_file: Path, dtype=np.float64) -> dict:
    """Build the filled state dict under our names."""
    shapes = json.loads(keys_file.read_text())
    return convert_state_dict(
        {
            name: torch.as_tensor(fill(name, shape, dtype))
            for name, shape in shapes.items()
        }
    )


def deeplabv3plus(
    method: dict,
    num_classes: int,
    depth: int = 50,
    dilations=(6, 12, 18),
    output_stride: int = 16,
    loss_decode: Mapping = dict(type='PixelCrossEntropyLoss'),
):
    """Build a method over the released network."""
    init_default_scope('mmsemi')
    os16 = output_stride == 16
    return MODELS.build(
        dict(
            backbone=dict(
                type='ResNetV1c',
                depth=depth,
                out_indices=(0, 3),
                stem_channels=128,
                strides=(1, 2, 2, 1) if os16 else (1, 2, 1, 1),
                dilations=(1, 1, 1, 2) if os16 else (1, 1, 2, 4),
                contract_dilation=True,
            ),
            decode_head=dict(
                type='DeepLabV3PlusHead',
                in_channels=2048,
                in_index=-1,
                channels=256,
                c1_in_channels=256,
                dilations=(1, *dilations),
                num_classes=num_classes,
                dropout_ratio=0,
                norm_cfg=dict(type='BN'),
                align_corners=True,
                loss_decode=loss_decode,
            ),
            test_cfg=dict(mode='whole'),
            **method,
        )
    )


def dinov2(
    method: dict,
    num_classes: int,
    size: str = 'small',
    loss_decode: Mapping = dict(type='PixelCrossEntropyLoss'),
    **backbone,
):
    """Build a method over UniMatch V2's network, of size 'small' or 'base'."""
    init_default_scope('mmsemi')
    channels, embed_dims, levels = DPT[size]
    return MODELS.build(
        dict(
            backbone=dict(type='DINOv2', arch=size, **backbone),
            decode_head=dict(
                type='NormFreeDPTHead',
                in_channels=[embed_dims] * 4,
                channels=channels,
                level_channels=levels,
                num_classes=num_classes,
                loss_decode=loss_decode,
            ),
            test_cfg=dict(mode='whole'),
            **method,
        )
    )


def rnd(seed: int, *shape: int) -> np.ndarray:
    return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)


def labels(seed: int, size: int, num_classes: int, batch: int = 2) -> np.ndarray:
    r = np.random.RandomState(seed)
    a = r.randint(0, num_classes, (batch, size, size))
    a[r.rand(batch, size, size) < 0.1] = 255
    return a


def boxes(seed: int, size: int, batch: int = 2) -> np.ndarray:
    """(B, 4) x1, y1, x2, y2."""
    r = np.random.RandomState(seed)
    out = []
    for _ in range(batch):
        x, y = r.randint(0, size // 2, 2)
        w, h = r.randint(size // 4, size // 2, 2)
        out.append((x, y, x + w, y + h))
    return np.array(out)


def view(
    seed: int,
    size: int,
    partner: bool,
    batch: int = 2,
    in_batch: bool = False,
    dtype=np.float64,
) -> dict:
    """Make a view; ``dtype`` is that in which the strong views are summed."""

    def image(seed):
        return rnd(seed, batch, 3, size, size).astype(dtype)

    w = image(seed)
    partners = range(batch)[::-1] if in_batch else None
    ignore = np.zeros((batch, size, size), bool)
    if partner:
        ignore[:, 20:40, :] = True
        ignore[1, :, 30:50] = True
    else:
        ignore[:, :, size - 7 :] = True
        ignore[0, size - 9 :, :] = True
    return dict(
        weak=w,
        strong=[w + 0.3 * image(seed + i) for i in (1, 2)],
        valid=~ignore,
        boxes=[
            as_pastes(np.minimum(boxes(seed + i, size, batch), size), partners)
            for i in (3, 4)
        ],
    )


def streams(record: dict, iteration: int) -> dict:
    """Rebuild the inputs of an iteration, images in float64."""
    s = record['seed'] + 100 * iteration
    size, num_classes = record['crop'], record['nclass']
    num = record.get('batch', 2)
    in_batch = '_v2' in record['method']
    # The views were cast up before they were summed; in newer records, after.
    dtype = np.float32 if 'encoder' in record else np.float64
    batch = dict(
        labeled=dict(
            weak=rnd(s, num, 3, size, size), mask=labels(s + 1, size, num_classes, num)
        ),
        unlabeled=view(s + 10, size, False, num, in_batch, dtype),
    )
    if not in_batch:
        batch['partner'] = view(s + 20, size, True, num, dtype=dtype)

    def tensor(array):
        array = torch.as_tensor(array)
        return array.double() if array.is_floating_point() else array

    return tree_map_only(np.ndarray, tensor, batch)


def channel_dropout(x, p=0.5, training=True, inplace=False):
    """Replace every 2-d dropout: keep channel c if (7c + 3) mod 5 < 3."""
    keep = ((7 * torch.arange(x.shape[1]) + 3) % 5 < 3).to(x)
    return x * (keep / (1 - p)).view(1, -1, 1, 1)


def landmark_start(feat: torch.Tensor) -> torch.Tensor:
    """(B,) first landmark of every image, for features (B, C, h, w)."""
    return (37 * torch.arange(len(feat)) + 11) % feat[0, 0].numel()


def region_positions(num: int, total: int, *args) -> torch.Tensor:
    """(num,) positions that CorrMatch's regions grow from."""
    return (13 * torch.arange(num) + 5) % (total - 1)

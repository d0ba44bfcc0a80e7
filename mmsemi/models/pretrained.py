"""Starting a part of the network from a file of weights."""

import torch
from mmengine.logging import print_log
from mmengine.runner import load_state_dict
from mmseg.models.backbones import ResNet
from torch import Tensor, nn

from mmsemi.models.released import convert_backbone, convert_state_dict
from mmsemi.registry import WEIGHT_INITIALIZERS
from mmsemi.utils.checkpoint import find_weights, read_checkpoint, unwrap

from .backbones import Xception65

RELEASED = 'https://github.com/LiheYoung/UniMatch#pretrained-backbone'


def adapt_channels(weight: Tensor, channels: int) -> Tensor:
    """A first convolution of RGB images for another number of channels.

    Gray takes the sum of the three; more channels take red, green and blue
    in turn, scaled so that the output keeps its size (as timm's
    ``adapt_input_conv``).

    Args:
        weight (Tensor): (O, 3, K, K).
        channels (int): Of the images.

    Returns:
        Tensor: (O, channels, K, K).
    """
    if channels == 1:
        return weight.sum(1, keepdim=True)
    index = torch.arange(channels, device=weight.device) % 3
    return weight[:, index] * (3 / channels)


def where_to_get(module: nn.Module) -> str:
    """Where there are ImageNet weights of a backbone, in a few words."""
    if isinstance(module, Xception65):
        return f'xception.pth from {RELEASED}'
    if isinstance(module, ResNet) and not module.avg_down:
        if not module.deep_stem:
            return f'torchvision://resnet{module.depth}'
        if module.stem_channels == 128:
            return f'resnet{module.depth}.pth from {RELEASED}'
        return f'open-mmlab://resnet{module.depth}_v1c'
    return f'weights of {type(module).__name__}'


@WEIGHT_INITIALIZERS.register_module()
class PretrainedBackbone:
    """Loads a backbone's ImageNet weights, or says that they do not fit.

    Takes files whose tensors are named as in mmseg, alone or as
    ``backbone.*`` of a segmentor or classifier, and those of the released
    semi-supervised trainers, which are known by their names: ResNets with a
    3-conv stem (``conv1.0.weight`` instead of ``stem.0.weight``),
    torchvision's plain ResNets, Xception-65.  Tensors that the backbone has
    no place for, such as a classifier, are left.  Where the backbone's images
    have other than three channels, its first convolution is adapted
    (:func:`adapt_channels`).

    MMEngine's own ``Pretrained`` leaves what a file does not name at its
    random value; here that is an error.

    Args:
        checkpoint (str): File (of this folder, or of ``MMSEMI_DATA``), URL
            or ``open-mmlab://`` name.
        map_location (str): Defaults to 'cpu'.
    """

    part = 'backbone'

    def __init__(self, checkpoint: str, map_location: str = 'cpu') -> None:
        self.checkpoint = find_weights(checkpoint)
        self.map_location = map_location

    def __call__(self, module: nn.Module) -> None:
        """Load the file into a part of the network.

        Raises:
            FileNotFoundError: There is no such file, or no way to it.
            ValueError: The file lacks tensors of the part, or is damaged.
        """
        print_log(f'Load {self.part} from {self.checkpoint}', logger='current')
        try:
            state = self._names(unwrap(self._read(module)))
        except ValueError as error:
            raise ValueError(
                f'The {self.part} cannot start from {self.checkpoint}: '
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
        # MMEngine has the parts initialise themselves after the whole, which
        # would undo the loading (it makes an exception for `Pretrained`).
        for part in module.modules():
            if part is not module and hasattr(part, 'init_weights'):
                part.is_init = True

    def _read(self, module: nn.Module) -> dict:
        try:
            return read_checkpoint(self.checkpoint, self.map_location)
        except OSError as error:
            reason = str(error).rstrip('.')
            raise FileNotFoundError(
                f'Cannot read {self.checkpoint}, which the {self.part} is to '
                f'start from: {reason}. {self._cures(module)}'
            ) from error

    def _cures(self, module: nn.Module) -> str:
        options = f'--cfg-options model.{self.part}.init_cfg'
        return (
            f'Get {where_to_get(module)} and name it by '
            f'`{options}.checkpoint=FILE`, or start from random weights '
            f'by `{options}=None`.'
        )

    @staticmethod
    def _stem_cure(state: dict[str, Tensor], own: dict[str, Tensor]) -> str:
        """What fits the backbone to the stem of a file, if that is it."""
        last = 'stem.6.weight'
        if last not in state or last not in own:
            return ''
        theirs, ours = len(state[last]), len(own[last])
        if theirs == ours:
            return ''
        return (
            f'Its stem has {theirs} channels instead of {ours}: '
            f'`--cfg-options model.backbone.stem_channels={theirs}` takes '
            'it. '
        )

    def _names(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The tensors under the names that the backbone gives them."""
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
    """The same for a decode head.

    Takes a segmentor's file, under our names (``decode_head.*``) or under
    those of the released networks.

    Args: as in :class:`PretrainedBackbone`.
    """

    part = 'decode_head'

    def _names(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The tensors under the names that our head gives them."""
        if not any(key.startswith('decode_head.') for key in state):
            state = convert_state_dict(state)
        return {key.removeprefix('decode_head.'): value for key, value in state.items()}

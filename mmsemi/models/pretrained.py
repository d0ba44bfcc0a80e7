"""Starting a part of the network from a file of weights."""
import os
import os.path as osp
import re
from typing import Dict

import torch
from mmengine.logging import print_log
from mmengine.runner import CheckpointLoader, load_state_dict
from torch import Tensor, nn

from mmsemi.registry import WEIGHT_INITIALIZERS
from mmsemi.utils.released import convert_state_dict


def find_weights(file: str) -> str:
    """A relative file that is not here, below ``MMSEMI_DATA`` if it is there.

    So that one variable places all that a config reads.
    """
    moved = osp.join(os.environ.get('MMSEMI_DATA', ''), file)
    return moved if not osp.exists(file) and osp.isfile(moved) else file


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


@WEIGHT_INITIALIZERS.register_module()
class PretrainedBackbone:
    """Loads a backbone's ImageNet weights, or says that they do not fit.

    Takes files whose tensors are named as in mmseg, alone or as
    ``backbone.*`` of a segmentor, and the ResNets with a 3-conv stem of the
    released semi-supervised trainers (``conv1.0.weight``, ``bn1.weight``
    instead of ``stem.*``).  Tensors that the backbone has no place for, such
    as a classifier, are left.  Where the backbone's images have other than
    three channels, its first convolution is adapted (:func:`adapt_channels`).

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
            ValueError: The file lacks tensors of the part.
        """
        print_log(
            f'Load {self.part} from {self.checkpoint}', logger='current')
        state = CheckpointLoader.load_checkpoint(
            self.checkpoint, self.map_location, logger='current')
        state = state.get('state_dict', state.get('model', state))
        state = self._names({
            re.sub(r'^module\.', '', key): value
            for key, value in state.items()
        })
        own = module.state_dict()
        first = next((k for k, value in own.items() if value.dim() == 4), '')
        if first in state and state[first].size(1) == 3 != own[first].size(1):
            state[first] = adapt_channels(state[first], own[first].size(1))
        lacking = [
            key for key in own if 'num_batches_tracked' not in key and (
                key not in state or state[key].shape != own[key].shape)
        ]
        if lacking:
            raise ValueError(
                f'{self.checkpoint} does not fit {type(module).__name__}: '
                f'{len(lacking)} of {len(own)} tensors are missing or of '
                f'another shape, {lacking[0]} for one. Use the weights of '
                'the same network, or start from random ones by '
                f'`--cfg-options model.{self.part}.init_cfg=None`.')
        load_state_dict(
            module, {key: value for key, value in state.items() if key in own})

    def _names(self, state: Dict[str, Tensor]) -> Dict[str, Tensor]:
        """The tensors under the names that mmseg's backbones give them."""
        state = {
            re.sub(r'^backbone\.', '', key): value
            for key, value in state.items()
        }
        if 'conv1.0.weight' not in state:
            return state
        return {
            re.sub(r'^bn1\.', 'stem.7.', re.sub(r'^conv1\.', 'stem.', key)):
            value
            for key, value in state.items()
        }


@WEIGHT_INITIALIZERS.register_module()
class PretrainedHead(PretrainedBackbone):
    """The same for a decode head.

    Takes a segmentor's file, under our names (``decode_head.*``) or under
    those of the released networks.

    Args: as in :class:`PretrainedBackbone`.
    """

    part = 'decode_head'

    def _names(self, state: Dict[str, Tensor]) -> Dict[str, Tensor]:
        """The tensors under the names that our head gives them."""
        if not any(key.startswith('decode_head.') for key in state):
            state = convert_state_dict(state)
        return {
            re.sub(r'^decode_head\.', '', key): value
            for key, value in state.items()
        }

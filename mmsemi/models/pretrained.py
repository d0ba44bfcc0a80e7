"""Starting a part of the network from a file of weights."""
import re
from typing import Dict

from mmengine.logging import print_log
from mmengine.runner import CheckpointLoader, load_state_dict
from torch import Tensor, nn

from mmsemi.registry import WEIGHT_INITIALIZERS
from mmsemi.utils.released import convert_state_dict


@WEIGHT_INITIALIZERS.register_module()
class PretrainedBackbone:
    """Loads a backbone's ImageNet weights, or says that they do not fit.

    Takes files whose tensors are named as in mmseg, alone or as
    ``backbone.*`` of a segmentor, and the ResNets with a 3-conv stem of the
    released semi-supervised trainers (``conv1.0.weight``, ``bn1.weight``
    instead of ``stem.*``).  Tensors that the backbone has no place for, such
    as a classifier, are left.

    MMEngine's own ``Pretrained`` leaves what a file does not name at its
    random value; here that is an error.

    Args:
        checkpoint (str): File, URL or ``open-mmlab://`` name.
        map_location (str): Defaults to 'cpu'.
    """

    part = 'backbone'

    def __init__(self, checkpoint: str, map_location: str = 'cpu') -> None:
        self.checkpoint = checkpoint
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

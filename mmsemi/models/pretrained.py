"""Starting a backbone from a file of weights."""
import re
from typing import Dict

from mmengine.logging import print_log
from mmengine.runner import CheckpointLoader, load_state_dict
from torch import Tensor, nn

from mmsemi.registry import WEIGHT_INITIALIZERS


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

    def __init__(self, checkpoint: str, map_location: str = 'cpu') -> None:
        self.checkpoint = checkpoint
        self.map_location = map_location

    def __call__(self, module: nn.Module) -> None:
        """Load the file into a backbone.

        Raises:
            ValueError: The file lacks tensors of the backbone.
        """
        print_log(f'Load backbone from {self.checkpoint}', logger='current')
        state = CheckpointLoader.load_checkpoint(
            self.checkpoint, self.map_location, logger='current')
        state = state.get('state_dict', state.get('model', state))
        state = _mmseg_names(state)
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
                '`--cfg-options model.backbone.init_cfg=None`.')
        load_state_dict(
            module, {key: value for key, value in state.items() if key in own})


def _mmseg_names(state: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """A backbone's tensors under mmseg's names."""
    state = {
        re.sub(r'^(module\.)?(backbone\.)?', '', key): value
        for key, value in state.items()
    }
    if 'conv1.0.weight' not in state:
        return state
    return {
        re.sub(r'^bn1\.', 'stem.7.', re.sub(r'^conv1\.', 'stem.', key)): value
        for key, value in state.items()
    }

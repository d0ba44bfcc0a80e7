"""Names of the released networks' tensors, and of ours for the same."""
import re
from typing import Dict

# Released name (a regular expression) -> ours, for the DeepLabV3+ with a
# 3-conv stem that UniMatch, RankMatch, CorrMatch and PrevMatch share.
_DEEPLABV3PLUS = (
    (r'backbone\.conv1\.(\d)', r'backbone.stem.\1'),
    (r'backbone\.bn1', r'backbone.stem.7'),
    (r'backbone\.(layer.+)', r'backbone.\1'),
    (r'head\.b(\d)\.0', r'decode_head.aspp_modules.\1.conv'),
    (r'head\.b(\d)\.1', r'decode_head.aspp_modules.\1.bn'),
    (r'head\.b4\.gap\.1', r'decode_head.image_pool.1.conv'),
    (r'head\.b4\.gap\.2', r'decode_head.image_pool.1.bn'),
    (r'head\.project\.0', r'decode_head.project.conv'),
    (r'head\.project\.1', r'decode_head.project.bn'),
    (r'reduce\.0', r'decode_head.c1_bottleneck.conv'),
    (r'reduce\.1', r'decode_head.c1_bottleneck.bn'),
    (r'fuse\.0', r'decode_head.fuse.0.conv'),
    (r'fuse\.1', r'decode_head.fuse.0.bn'),
    (r'fuse\.3', r'decode_head.fuse.1.conv'),
    (r'fuse\.4', r'decode_head.fuse.1.bn'),
    (r'classifier', r'decode_head.conv_seg'),
    # CorrMatch alone
    (r'proj\.(\d)', r'correlation.project.\1'),
    (r'corr\.conv1', r'correlation.query'),
    (r'corr\.conv2', r'correlation.key'),
)


def from_released(name: str) -> str:
    """Our name of a released tensor.

    Args:
        name (str): As in the released state dict, without ``module.``.

    Raises:
        KeyError: The released networks have no such tensor.
    """
    module, _, tensor = name.rpartition('.')
    for pattern, ours in _DEEPLABV3PLUS:
        match = re.fullmatch(pattern, module)
        if match:
            return f'{match.expand(ours)}.{tensor}'
    raise KeyError(f'{name!r} is no tensor of a released DeepLabV3+.')


def convert_state_dict(released: Dict) -> Dict:
    """A released state dict under our names, values untouched."""
    return {from_released(name): value for name, value in released.items()}

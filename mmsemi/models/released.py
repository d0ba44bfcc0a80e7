"""Names of the released networks' tensors, and of ours for the same.

A row pairs a released module with ours; ``{}`` stands for a number, the same
on both sides.
"""

import re

from torch import Tensor

Rows = tuple[tuple[str, str], ...]

_STAGES: Rows = tuple(
    (f'backbone.layer{{}}.{{}}.{part}',) * 2
    for part in ('conv{}', 'bn{}', 'downsample.{}')
)
_SEPARABLE = (
    ('depthwise', 'depthwise_conv.conv'),
    ('bn1', 'depthwise_conv.bn'),
    ('pointwise', 'pointwise_conv.conv'),
    ('bn2', 'pointwise_conv.bn'),
)

# Those that share names with others come before them.
_BACKBONES: dict[str, Rows] = dict(
    resnet_v1c=(  # 3-conv stem
        *((f'backbone.conv1.{i}', f'backbone.stem.{i}') for i in (0, 1, 3, 4, 6)),
        ('backbone.bn1', 'backbone.stem.7'),
        *_STAGES,
    ),
    xception=(
        ('backbone.conv{}', 'backbone.conv{}.conv'),
        ('backbone.bn{}', 'backbone.conv{}.bn'),
        ('backbone.block{}.skip', 'backbone.block{}.skip.conv'),
        ('backbone.block{}.skipbn', 'backbone.block{}.skip.bn'),
        *(
            (f'backbone.{conv}.{theirs}', f'backbone.{conv}.{ours}')
            for conv in ('block{}.sepconv{}', 'conv{}')
            for theirs, ours in _SEPARABLE
        ),
    ),
    resnet=(  # 7x7 stem
        ('backbone.conv1', 'backbone.conv1'),
        ('backbone.bn1', 'backbone.bn1'),
        *_STAGES,
    ),
)
_HEADS: dict[str, Rows] = dict(
    deeplabv3plus=(
        ('head.b{}.0', 'decode_head.aspp_modules.{}.conv'),
        ('head.b{}.1', 'decode_head.aspp_modules.{}.bn'),
        ('head.b4.gap.1', 'decode_head.image_pool.1.conv'),
        ('head.b4.gap.2', 'decode_head.image_pool.1.bn'),
        ('head.project.0', 'decode_head.project.conv'),
        ('head.project.1', 'decode_head.project.bn'),
        ('reduce.0', 'decode_head.c1_bottleneck.conv'),
        ('reduce.1', 'decode_head.c1_bottleneck.bn'),
        ('fuse.0', 'decode_head.fuse.0.conv'),
        ('fuse.1', 'decode_head.fuse.0.bn'),
        ('fuse.3', 'decode_head.fuse.1.conv'),
        ('fuse.4', 'decode_head.fuse.1.bn'),
        ('classifier', 'decode_head.conv_seg'),
        # CorrMatch beside it
        ('proj.{}', 'correlation.project.{}'),
        ('corr.conv1', 'correlation.query'),
        ('corr.conv2', 'correlation.key'),
    ),
    pspnet=(
        *(
            (f'head.conv5.0.conv{i + 1}.{j}', f'decode_head.psp_modules.{i}.1.{part}')
            for i in range(4)
            for j, part in enumerate(('conv', 'bn'))
        ),
        ('head.conv5.1', 'decode_head.bottleneck.conv'),
        ('head.conv5.2', 'decode_head.bottleneck.bn'),
        ('head.conv5.5', 'decode_head.conv_seg'),
    ),
    deeplabv2=(('classifier.{}', 'decode_head.conv_seg.{}'),),
)

# Of ours, what released checkpoints do not hold: CorrMatch's threshold.
OURS_ALONE = ('thresh.value',)

# Released tensors that tell the networks apart, looked for in this order.
_SIGNS = dict(
    resnet_v1c='backbone.conv1.0.weight',
    xception='backbone.block1.skip.weight',
    resnet='backbone.conv1.weight',
    deeplabv3plus='head.project.0.weight',
    pspnet='head.conv5.1.weight',
    deeplabv2='classifier.0.weight',
)


def from_released(
    name: str, backbone: str = 'resnet_v1c', head: str = 'deeplabv3plus'
) -> str:
    """Our name of a released tensor.

    Args:
        name (str): As in the released state dict, without ``module.``.
        backbone (str): 'resnet_v1c', 'xception' or 'resnet'.
        head (str): 'deeplabv3plus', 'pspnet' or 'deeplabv2'.

    Raises:
        KeyError: The released networks have no such tensor.
    """
    ours = _match(name, _BACKBONES[backbone] + _HEADS[head])
    if ours is None:
        raise KeyError(f'{name!r} is no tensor of a released {backbone} with {head}.')
    return ours


def convert_state_dict(released: dict[str, Tensor]) -> dict[str, Tensor]:
    """A released network's state dict under our names, values untouched.

    Which network it is, the names tell.

    Raises:
        ValueError: It is none of the released networks, or has tensors that
            they do not have; those are named.
    """
    return _rename(released, _rows(released, _BACKBONES) + _rows(released, _HEADS))


def release_state_dict(ours: dict[str, Tensor]) -> dict[str, Tensor]:
    """One of our state dicts under the released names, values untouched.

    Raises:
        ValueError: As in :func:`convert_state_dict`.
    """
    return _rename(
        ours, _rows(ours, _BACKBONES, back=True) + _rows(ours, _HEADS, back=True)
    )


def convert_backbone(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A backbone's tensors under our names, from the released ones or ours.

    Args:
        state (dict): Names with ``backbone.``.  What the released backbones
            do not have, such as a classifier, keeps its name.
    """
    try:
        rows = _rows(state, _BACKBONES)
    except ValueError:
        return state
    return {_match(name, rows) or name: v for name, v in state.items()}


def _rows(
    state: dict[str, Tensor], tables: dict[str, Rows], back: bool = False
) -> Rows:
    """The rows of that network, among some, which the tensors are of.

    Args:
        back (bool): The tensors have our names; the rows turned round.
    """
    for network, rows in tables.items():
        sign = _SIGNS[network]
        if (_match(sign, rows) if back else sign) in state:
            return tuple(row[::-1] for row in rows) if back else rows
    raise ValueError(
        f'It has none of the tensors that tell one of {", ".join(tables)} by.'
    )


def _match(name: str, rows: Rows) -> str | None:
    """A tensor's name on the other side, None where there is none."""
    module, _, tensor = name.rpartition('.')
    for source, target in rows:
        pattern = re.escape(source).replace(r'\{\}', r'(\d+)')
        match = re.fullmatch(pattern, module)
        if match:
            return f'{target.format(*match.groups())}.{tensor}'
    return None


def _rename(state: dict[str, Tensor], rows: Rows) -> dict[str, Tensor]:
    names = {name: _match(name, rows) for name in state}
    unknown = [name for name, other in names.items() if other is None]
    if unknown:
        raise ValueError(
            f'{len(unknown)} of its {len(names)} tensors are none of the '
            f"released networks': {', '.join(unknown[:5])}"
            + (', ...' if len(unknown) > 5 else '.')
        )
    return {names[name]: value for name, value in state.items()}

"""Translate between the tensor names of the released networks and of mmsemi's.

A row of a table pairs the name of a released module, or of a single tensor, with
mmsemi's name for it; ``{}`` stands for a number, which is the same in both.
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
_INVERTED_RESIDUAL = (
    ('_expand_conv', 'expand_conv.conv'),
    ('_bn0', 'expand_conv.bn'),
    ('_depthwise_conv', 'depthwise_conv.conv'),
    ('_bn1', 'depthwise_conv.bn'),
    ('_project_conv', 'linear_conv.conv'),
    ('_bn2', 'linear_conv.bn'),
)
_BLOCK = (
    ('norm1', 'ln1'),
    ('attn.qkv', 'attn.qkv'),
    ('attn.proj', 'attn.proj'),
    ('ls1.gamma', 'attn.gamma1.weight'),
    ('norm2', 'ln2'),
    ('mlp.fc1', 'ffn.layers.0.0'),
    ('mlp.fc2', 'ffn.layers.1'),
    ('mlp.w12', 'ffn.w12'),  # giant
    ('mlp.w3', 'ffn.w3'),
    ('ls2.gamma', 'ffn.gamma2.weight'),
)

# Of two networks with common names, the more particular one comes first.
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
    efficientnet_lite=(  # the published ImageNet weights
        ('backbone._conv_stem', 'backbone.stem.conv'),
        ('backbone._bn0', 'backbone.stem.bn'),
        *(
            (f'backbone._blocks.{{}}.{theirs}', f'backbone.blocks.{{}}.{ours}')
            for theirs, ours in _INVERTED_RESIDUAL
        ),
    ),
    dinov2=(  # Meta's names
        ('backbone.patch_embed.proj', 'backbone.patch_embed.projection'),
        *(
            (f'backbone.blocks.{{}}.{theirs}', f'backbone.layers.{{}}.{ours}')
            for theirs, ours in _BLOCK
        ),
        ('backbone.norm', 'backbone.ln1'),
        ('backbone.cls_token', 'backbone.cls_token'),
        ('backbone.pos_embed', 'backbone.pos_embed'),
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
        # CorrMatch's correlation block
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
    dpt=(  # UniMatch V2
        ('head.projects.{}', 'decode_head.projects.{}'),
        ('head.resize_layers.{}', 'decode_head.resizes.{}'),
        *(
            (f'head.scratch.{theirs}', f'decode_head.{ours}')
            for i in range(4)
            for theirs, ours in (
                (f'layer{i + 1}_rn', f'adapts.{i}'),
                (
                    f'refinenet{i + 1}.resConfUnit1.conv{{}}',
                    f'fusions.{i}.skip.conv{{}}',
                ),
                (
                    f'refinenet{i + 1}.resConfUnit2.conv{{}}',
                    f'fusions.{i}.body.conv{{}}',
                ),
                (f'refinenet{i + 1}.out_conv', f'fusions.{i}.project'),
            )
        ),
        ('head.scratch.output_conv.0', 'decode_head.output'),
        ('head.scratch.output_conv.2', 'decode_head.conv_seg'),
    ),
)

# Tensors of mmsemi that released checkpoints lack: CorrMatch's threshold.
OURS_ALONE = ('thresh.value',)

# Released tensors that mmsemi lacks: DINOv2's stand-in for masked patches in its own
# training, which no later one uses.  Converted back they are zeros.
THEIRS_ALONE = ('backbone.mask_token',)
# Tensors that never change, and nothing reads: of UniMatch V2's head.
UNUSED = 'decode_head.fusions.3.skip.'

# Released tensors that identify a network, searched in this order.
_SIGNS = dict(
    resnet_v1c='backbone.conv1.0.weight',
    xception='backbone.block1.skip.weight',
    efficientnet_lite='backbone._conv_stem.weight',
    dinov2='backbone.blocks.0.norm1.weight',
    resnet='backbone.conv1.weight',
    deeplabv3plus='head.project.0.weight',
    pspnet='head.conv5.1.weight',
    deeplabv2='classifier.0.weight',
    dpt='head.scratch.layer1_rn.weight',
)


def from_released(
    name: str, backbone: str = 'resnet_v1c', head: str = 'deeplabv3plus'
) -> str:
    """Translate the name of a released tensor to mmsemi's.

    Args:
        name (str): As in the released state dict, without ``module.``.
        backbone (str): 'resnet_v1c', 'xception', 'resnet' or 'dinov2'.
        head (str): 'deeplabv3plus', 'pspnet', 'deeplabv2' or 'dpt'.

    Returns:
        str: As in the state dict of mmsemi's network.

    Raises:
        KeyError: If the released network has no such tensor.
    """
    ours = _match(name, _BACKBONES[backbone] + _HEADS[head])
    if ours is None:
        raise KeyError(f'{name!r} is no tensor of a released {backbone} with {head}.')
    return ours


def convert_state_dict(released: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of a released network as mmsemi names them.

    The names tell which of the released networks it is.

    Args:
        released (dict[str, Tensor]): Released state dict, names without
            ``module.``.

    Returns:
        dict[str, Tensor]: The same tensors under mmsemi's names, without
        :data:`THEIRS_ALONE`.

    Raises:
        ValueError: If it is none of the released networks, or has tensors
            that they lack; the message names these.
    """
    released = {k: v for k, v in released.items() if k not in THEIRS_ALONE}
    return _rename(released, _rows(released, _BACKBONES) + _rows(released, _HEADS))


def release_state_dict(ours: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of one of mmsemi's networks as the released one's.

    Args:
        ours (dict[str, Tensor]): State dict of mmsemi's network.

    Returns:
        dict[str, Tensor]: The same tensors under the released names, and
        zeros for :data:`THEIRS_ALONE`, which released trainers expect.

    Raises:
        ValueError: As in :func:`convert_state_dict`.
    """
    released = _rename(
        ours, _rows(ours, _BACKBONES, back=True) + _rows(ours, _HEADS, back=True)
    )
    if 'backbone.cls_token' in released:
        token = released['backbone.cls_token']
        released['backbone.mask_token'] = token.new_zeros(token.shape[1:])
    return released


def convert_backbone(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of a released backbone as mmsemi names them.

    Tensors that no released backbone has, such as a classifier's, keep their
    names, and so does the state dict of any other backbone.

    Args:
        state (dict[str, Tensor]): Names begin with ``backbone.``.

    Returns:
        dict[str, Tensor]: The same tensors under mmsemi's names.
    """
    try:
        rows = _rows(state, _BACKBONES)
    except ValueError:
        return state
    return {_match(name, rows) or name: v for name, v in state.items()}


def _rows(
    state: dict[str, Tensor], tables: dict[str, Rows], back: bool = False
) -> Rows:
    """Find the rows of the network that the tensors belong to.

    Args:
        state (dict[str, Tensor]): State dict of a network.
        tables (dict[str, Rows]): Rows of each possible network.
        back (bool): Whether the tensors have mmsemi's names; the rows are then
            reversed.

    Raises:
        ValueError: If the tensors belong to none of these networks.
    """
    for network, rows in tables.items():
        sign = _SIGNS[network]
        if (_match(sign, rows) if back else sign) in state:
            return tuple(row[::-1] for row in rows) if back else rows
    raise ValueError(
        f'None of its tensors identifies it as one of {", ".join(tables)}.'
    )


def _match(name: str, rows: Rows) -> str | None:
    """Translate a tensor's name with the first row that fits, if any."""
    module, _, tensor = name.rpartition('.')
    for source, target in rows:
        pattern = re.escape(source).replace(r'\{\}', r'(\d+)')
        if match := re.fullmatch(pattern, module):
            return f'{target.format(*match.groups())}.{tensor}'
        if match := re.fullmatch(pattern, name):
            return target.format(*match.groups())
    return None


def _rename(state: dict[str, Tensor], rows: Rows) -> dict[str, Tensor]:
    renamed: dict[str, Tensor] = {}
    unknown = []
    for name, value in state.items():
        other = _match(name, rows)
        if other is None:
            unknown.append(name)
        else:
            renamed[other] = value
    if unknown:
        raise ValueError(
            f'{len(unknown)} of its {len(state)} tensors are unknown to the '
            f'released networks: {", ".join(unknown[:5])}'
            + (', ...' if len(unknown) > 5 else '.')
        )
    return renamed

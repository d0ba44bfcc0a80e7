"""Convert released checkpoints to mmsemi's."""

from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from mmsemi import __version__
from mmsemi.models.released import (
    OURS_ALONE,
    THEIRS_ALONE,
    UNUSED,
    convert_state_dict,
    release_state_dict,
)
from mmsemi.registry import MODELS
from mmsemi.utils.checkpoint import (
    read_checkpoint,
    tensor_faults,
    unwrap,
    write_checkpoint,
)
from mmsemi.utils.config import read_config
from mmsemi.utils.shipped import CONFIGS

# Tensors that identify a network, and a config of it.
NETWORKS = {
    ('backbone.stem.0.weight', 'correlation.key.weight'): 'corrmatch/pascal_1-16.py',
    (
        'backbone.stem.0.weight',
        'decode_head.project.conv.weight',
    ): 'unimatch/pascal_1-16.py',
    (
        'backbone.block1.skip.conv.weight',
        'decode_head.project.conv.weight',
    ): 'unimatch/coco_1-512_xc65.py',
    ('backbone.conv1.weight', 'decode_head.project.conv.weight'): 'st/pascal_1-16.py',
    (
        'backbone.conv1.weight',
        'decode_head.bottleneck.conv.weight',
    ): 'st/pascal_1-16_r50_pspnet.py',
    (
        'backbone.conv1.weight',
        'decode_head.conv_seg.0.weight',
    ): 'st/pascal_1-16_deeplabv2.py',
    (
        'backbone.cls_token',
        'decode_head.adapts.0.weight',
    ): 'unimatch_v2/pascal_1-16_dinov2-{}.py',
}
DEPTHS = {6: 50, 23: 101}  # ResNets by the number of blocks in stage 3
SIZES = {384: 's', 768: 'b', 1024: 'l'}  # DINOv2 by the channels of its tokens


def recognise(state: dict[str, Tensor]) -> Config:
    """Return a config of the network that a state dict belongs to.

    Args:
        state (dict): Tensors under our names.

    Raises:
        ValueError: It belongs to no known network.
    """
    known = [
        file
        for tensors, file in NETWORKS.items()
        if all(name in state for name in tensors)
    ]
    if not known:
        raise ValueError(
            'it belongs to no network that is recognised by its tensors. '
            'Give its config with --config.'
        )
    file = known[0]
    if 'backbone.cls_token' in state:
        size = SIZES.get(state['backbone.cls_token'].shape[-1])
        if size is None:
            raise ValueError(
                'there is a config of DINOv2 small, base and large, and it has '
                f'{state["backbone.cls_token"].shape[-1]} channels. Give its config '
                'with --config.'
            )
        file = file.format(size)
    cfg = Config.fromfile(CONFIGS / file)
    classifier = next(name for name in state if 'conv_seg' in name)
    cfg.model.decode_head.num_classes = len(state[classifier])
    blocks = len(
        {name.split('.')[2] for name in state if name.startswith('backbone.layer3.')}
    )
    if blocks in DEPTHS:
        cfg.model.backbone.depth = DEPTHS[blocks]
    return cfg


def check(released: dict[str, Tensor], own: dict[str, Tensor]) -> None:
    """Check that both have the same tensors.

    Args:
        released (dict): The tensors of the file.
        own (dict): The tensors of the network, under the released names.

    Raises:
        ValueError: Tensors are missing, unknown or of another shape.
    """
    faults = tensor_faults(released, own)
    if faults:
        raise ValueError(
            f'it is not of this network: it {faults}. Give the config of its '
            'method, data set and backbone with --config.'
        )


def convert(
    released: dict[str, Tensor], cfg: Config | None
) -> tuple[dict[str, Tensor], list[str]]:
    """Rename the tensors of a released network, and account for all of them.

    Args:
        released (dict): Its state dict.
        cfg (Config, optional): Config of the network. Defaults to None: it is
            recognised by its tensors.

    Returns:
        tuple[dict, list[str]]: Our state dict, and the names of its tensors
        that released checkpoints lack and that keep their initial value.

    Raises:
        ValueError: Tensors are missing, unknown or of another shape.
    """
    state = convert_state_dict(released)
    cfg = cfg or recognise(state)
    init_default_scope(cfg.get('default_scope', 'mmsemi'))
    own = MODELS.build(cfg.model).state_dict()
    anew = [name for name in OURS_ALONE if name in own]
    for name in anew:
        state[name] = own.pop(name)
    try:
        own = release_state_dict(own)
    except ValueError as error:
        raise ValueError(f'the config is not of a released network: {error}') from error
    check(released, own)
    return state, anew


def convert_checkpoint(
    checkpoint: str, out: str, config: str | None = None, teacher: bool = False
) -> None:
    """Convert a released checkpoint, and say what became of its tensors.

    Args:
        checkpoint (str): Released checkpoint.
        out (str): File to write.
        config (str, optional): Config of the network.  Defaults to None: it is
            recognised by its tensors, and the result holds no class names.
        teacher (bool): Convert the EMA teacher that lies beside the network.
            Defaults to False.

    Raises:
        KeyError: There is no teacher.
        ValueError: The checkpoint is not of this network, or of none.
    """
    meta = dict(mmsemi_version=__version__)
    cfg = None
    if config:
        cfg = read_config(config)
        if 'metainfo' in cfg:
            meta['dataset_meta'] = cfg.metainfo.to_dict()
    released = unwrap(read_checkpoint(checkpoint), teacher)
    try:
        state, anew = convert(released, cfg)
    except ValueError as error:
        raise ValueError(f'{checkpoint}: {error}') from error
    write_checkpoint(dict(meta=meta, state_dict=state), out)
    dropped = [name for name in THEIRS_ALONE if name in released]
    print(f'All {len(released) - len(dropped)} tensors of {checkpoint} are in {out}.')
    for name in dropped:
        print(f'{name}, which neither training nor prediction reads, is left out.')
    if any(name.startswith(UNUSED) for name in state):
        print(f'{UNUSED}* are kept, though the released network never uses them.')
    for name in anew:
        print(
            f'{name}, which released checkpoints lack, starts at '
            f'{float(state[name]):.2f}.'
        )
    if 'dataset_meta' not in meta:
        print('It holds no class names; --config adds them.')

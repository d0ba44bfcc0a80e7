"""Load a trained network."""

import copy
from pathlib import Path

import mmseg.apis
import torch
from mmengine.config import Config
from torch import nn

from mmsemi.engine.hooks import teacher_checkpoint
from mmsemi.registry import MODELS
from mmsemi.utils.arguments import named_by_config
from mmsemi.utils.checkpoint import check_fits, read_checkpoint, trusting, unwrap
from mmsemi.utils.config import read_config, resolve_settings

CURE = (
    'Use the config that lies beside it in its work dir. strict_load=False in the '
    'config ignores tensors that the network has no place for.'
)


def as_config(config: str | Path | Config) -> Config:
    """Read a config, a file or the name of a shipped one, unless it is read already.

    Raises:
        FileNotFoundError: There is no such config.
        ValueError: It is no config, or its Python fails.
    """
    if isinstance(config, Config):
        return config
    return read_config(config)


def init_model(
    config: str | Path | Config,
    checkpoint: str | Path,
    device: str | None = None,
    tta: bool = False,
    teacher: bool = False,
) -> nn.Module:
    """Build the network of a config and load a checkpoint into it.

    The checkpoint is read without running code that it may contain, unless
    the config says ``trust_checkpoint=True``.  With ``strict_load=False`` in the
    config it may have more tensors than the network, but not fewer.

    Args:
        config (str, Path or Config): Config of the training.
        checkpoint (str or Path): Checkpoint file.
        device (str, optional): Device of the network.  Defaults to the GPU
            if there is one, else to the CPU.
        tta (bool): Predict with test-time augmentation, as the config's
            ``tta_model`` and ``tta_pipeline`` say.  Defaults to False.
        teacher (bool): Load the EMA teacher that lies in the checkpoint beside
            the network.  Defaults to False.

    Returns:
        nn.Module: The network in eval mode, with the config as ``cfg`` and
        the classes and their colors as ``dataset_meta``.

    Raises:
        FileNotFoundError: The config or the checkpoint does not exist.
        ValueError: The checkpoint is damaged, contains other objects than
            tensors, numbers and text, belongs to another network, or has no
            teacher.
    """
    cfg = resolve_settings(copy.deepcopy(as_config(config)))
    if cfg.model.get('backbone', {}).get('init_cfg'):
        cfg.model.backbone.init_cfg = None  # the checkpoint has all weights
    if device is None:
        device = 'cuda:0' if torch.cuda.is_available() else 'cpu'
    with named_by_config(cfg):
        model = mmseg.apis.init_model(cfg, device=device)
    with trusting(cfg.get('trust_checkpoint', False)):
        content = read_checkpoint(checkpoint)
    if teacher:
        try:
            content = teacher_checkpoint(content)
        except ValueError as error:
            raise ValueError(f'{checkpoint}: {error}') from error
    state = unwrap(content)
    if not cfg.get('strict_load', True):  # but no part may stay random
        own = model.state_dict()
        state = {name: tensor for name, tensor in state.items() if name in own}
    check_fits(model, state, str(checkpoint), CURE)
    model.load_state_dict(state)
    if tta:
        model = MODELS.build(dict(cfg.tta_model, module=model)).eval()
        model.cfg = cfg
    meta = cfg.get('metainfo') or cfg.test_dataloader.dataset.metainfo
    model.dataset_meta = {key: meta.get(key) for key in ('classes', 'palette')}
    return model

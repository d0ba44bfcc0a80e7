"""A trained network, ready to use."""

import torch
from mmengine.config import Config
from mmseg.apis import init_model

from mmsemi.utils.checkpoint import check_fits, read_checkpoint, trusting, unwrap


def load_network(cfg: Config, checkpoint: str, device: str) -> torch.nn.Module:
    """The config's network with the checkpoint's weights, in eval mode.

    Args:
        cfg (Config): Of the training.
        checkpoint (str): File.
        device (str): Where the network is to run.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: The checkpoint is damaged, or of another network.
    """
    if cfg.model.get('backbone', {}).get('init_cfg'):
        cfg.model.backbone.init_cfg = None  # replaced by the checkpoint
    model = init_model(cfg, device=device)
    with trusting(cfg.get('trust_checkpoint', False)):
        state = unwrap(read_checkpoint(checkpoint))
    check_fits(model, state, checkpoint)
    model.load_state_dict(state)
    return model

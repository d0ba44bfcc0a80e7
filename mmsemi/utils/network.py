"""A trained network, ready to use."""
import torch
from mmengine.config import Config
from mmengine.runner.checkpoint import _load_checkpoint
from mmseg.apis import init_model

from mmsemi.engine.runner.checks import check_fits


def load_network(cfg: Config, checkpoint: str, device: str) -> torch.nn.Module:
    """The config's network with the checkpoint's weights, in eval mode.

    Args:
        cfg (Config): Of the training.
        checkpoint (str): File.
        device (str): Where the network is to run.

    Raises:
        ValueError: The checkpoint is of another network.
    """
    if cfg.model.get('backbone', {}).get('init_cfg'):
        cfg.model.backbone.init_cfg = None  # replaced by the checkpoint
    model = init_model(cfg, device=device)
    state = _load_checkpoint(checkpoint, map_location='cpu')
    check_fits(model, state, checkpoint)
    model.load_state_dict(state.get('state_dict', state))
    return model

"""Load weights into a run: pretrained files and checkpoints."""

import copy
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mmengine.runner import load_state_dict
from torch import nn

from mmsemi.utils.checkpoint import find_weights, read_checkpoint

from .checks import pretrained_parts


@contextmanager
def checked_pretrained(model: nn.Module) -> Iterator[None]:
    """Check the files of MMEngine's ``Pretrained``, which the block then loads.

    Relative files are looked up below ``MMSEMI_DATA`` too.  mmsemi's own
    ``PretrainedBackbone`` does all this itself.

    Args:
        model (nn.Module): The paths in its ``init_cfg`` are completed.

    Raises:
        FileNotFoundError: A file is missing, or its address cannot be reached.
        ValueError: A file is damaged, or could run code.
    """
    stock = [
        init_cfg
        for init_cfg in pretrained_parts(model).values()
        if init_cfg['type'] == 'Pretrained'
    ]
    for init_cfg in stock:
        init_cfg['checkpoint'] = find_weights(init_cfg['checkpoint'])
    try:
        for init_cfg in stock:
            read_checkpoint(init_cfg['checkpoint'])  # or refuse it
        yield
    except OSError as error:
        if not stock:
            raise
        names = ', '.join(init_cfg['checkpoint'] for init_cfg in stock)
        raise FileNotFoundError(
            f'Cannot read the pretrained {names}: {error}. Download the file '
            'and name it with `--cfg-options '
            'model.backbone.init_cfg.checkpoint=FILE`, or start from random '
            'weights with `--cfg-options model.backbone.init_cfg=None`.'
        ) from error


def drop_config(checkpoint: dict[str, Any]) -> None:
    """Remove the config's text, which MMEngine would run as Python.

    MMEngine reads nothing from it but a number of GPUs that mmsemi never sets.

    Args:
        checkpoint (dict): It is changed.
    """
    if isinstance(checkpoint.get('meta'), dict):
        checkpoint['meta'].pop('config', None)


def load_weights(
    model: nn.Module, checkpoint: dict[str, Any], revise_keys: Sequence[tuple[str, str]]
) -> None:
    """Load the tensors of a checkpoint that fit, and log those that do not.

    Args:
        model (nn.Module): The network.
        checkpoint (dict): Weights, plain or under 'state_dict'.
        revise_keys (Sequence[tuple[str, str]]): Regular expressions and what
            they are replaced with in the names of tensors.
    """
    state = checkpoint.get('state_dict', checkpoint)
    revised = copy.copy(state)  # keeps the module versions that PyTorch attaches
    revised.clear()
    for name, tensor in state.items():
        for pattern, replacement in revise_keys:
            name = re.sub(pattern, replacement, name)
        revised[name] = tensor
    load_state_dict(model, revised)

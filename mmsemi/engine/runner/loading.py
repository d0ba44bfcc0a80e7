"""Load weights into a run: pretrained files and checkpoints."""

import copy
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mmengine.runner import load_state_dict
from torch import nn

from mmsemi.utils.checkpoint import find_weights, read_checkpoint
from mmsemi.utils.text import some

from .checks import pretrained_parts

# Share of a part's weights that a pretrained file may lack: backbones add
# norms to their outputs, but half a network is another one.
MOST_LACKING = 0.25


@contextmanager
def checked_pretrained(model: nn.Module, strict: bool = True) -> Iterator[None]:
    """Check the files of MMEngine's ``Pretrained``, which the block then loads.

    MMEngine logs tensors that do not fit, and keeps their random values.

    Relative files are looked up below ``MMSEMI_DATA`` too.  mmsemi's own
    ``PretrainedBackbone`` does all this itself.

    Args:
        model (nn.Module): The paths in its ``init_cfg`` are completed.
        strict (bool): Refuse a file that lacks more than a quarter of the
            weights of its part.  Defaults to True.

    Raises:
        FileNotFoundError: A file is missing, or its address cannot be reached.
        ValueError: A file is damaged, could run code or is of another network.
    """
    parts = {
        name: init_cfg
        for name, init_cfg in pretrained_parts(model).items()
        if init_cfg['type'] == 'Pretrained'
    }
    stock = list(parts.values())
    for init_cfg in stock:
        init_cfg['checkpoint'] = find_weights(init_cfg['checkpoint'])
    try:
        for init_cfg in stock:
            read_checkpoint(init_cfg['checkpoint'])  # or refuse it
        before = {name: _versions(model.get_submodule(name)) for name in parts}
        yield
        for name, init_cfg in parts.items():
            if strict:
                _check_loaded(model, name, init_cfg['checkpoint'], before[name])
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


def _versions(part: nn.Module) -> dict[str, int]:
    """Return how often each weight was written to, as autograd counts."""
    return {
        name: weight._version
        for name, weight in part.named_parameters()
        if weight.dim() > 1  # norms and biases may be initialized by themselves
    }


def _check_loaded(
    model: nn.Module, name: str, file: str, before: dict[str, int]
) -> None:
    """Check that a file has written to most of a part's weights."""
    after = _versions(model.get_submodule(name))
    lacking = [key for key in after if after[key] == before[key]]
    if len(lacking) > MOST_LACKING * len(after):
        part = f'model.{name}' if name else 'model'
        raise ValueError(
            f'{file}, from which {part} is to be initialized, is of another '
            f'network: {len(lacking)} of {len(after)} weights are missing or of '
            f'another shape ({some(lacking)}). Name another file with '
            f'`--cfg-options {part}.init_cfg.checkpoint=FILE`, start from random '
            f'weights with `{part}.init_cfg=None`, or keep what fits with '
            '`strict_load=False`.'
        )


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

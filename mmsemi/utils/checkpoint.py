"""Files of weights, read without running code and written whole."""
import io
import re
from pathlib import Path
from typing import Any, Dict, Union

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor

from .files import write_whole

_MULTIARRAY = getattr(np, '_core', np.core).multiarray
# What checkpoints hold besides tensors and plain values: scores as NumPy
# scalars, and MMEngine's history of logged values.
_HARMLESS = [
    HistoryBuffer, getattr, slice, np.ndarray, np.dtype,
    *(type(np.dtype(kind)) for kind in ('f4', 'f8', 'i4', 'i8', 'u8', 'b1')),
    # NumPy 2 moved its modules; files name the one they were written by.
    *((getattr(_MULTIARRAY, name), f'numpy.{core}.multiarray.{name}')
      for name in ('scalar', '_reconstruct') for core in ('core', '_core'))
]  # yapf: disable


def read_checkpoint(file: Union[str, Path]) -> Dict[str, Any]:
    """Read a checkpoint onto the CPU without running any code it may hold.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no checkpoint, is damaged, or holds other objects
            than tensors, numbers and text.
    """
    if not Path(file).is_file():
        raise FileNotFoundError(f'There is no file {file}.')
    try:
        with torch.serialization.safe_globals(_HARMLESS):
            checkpoint = torch.load(
                file, map_location='cpu', weights_only=True)
    except OSError:
        raise
    except Exception as error:  # damaged bytes raise nearly anything
        refused = re.search(r'GLOBAL ([\w.]+)', str(error))
        if refused:
            raise ValueError(
                f'{file} holds {refused[1]}, which is no tensor, number or '
                'text and could run code when loaded: it is refused. If you '
                'trust where the file is from, load it by '
                '`torch.load(FILE, weights_only=False)`, save its state dict '
                'alone and use that.') from error
        raise ValueError(
            f'{file} is damaged or no checkpoint at all, but a web page '
            'saved in its place, for example. Download it again.') from error
    if not isinstance(checkpoint, dict):
        raise ValueError(f'{file} holds a {type(checkpoint).__name__} instead '
                         'of a dict of tensors: save its `state_dict()`.')
    return checkpoint


def unwrap(checkpoint: Dict[str, Any]) -> Dict[str, Tensor]:
    """The tensors of a checkpoint, however they are wrapped.

    They lie there plainly, or under 'state_dict' (OpenMMLab) or 'model'
    (released semi-supervised trainers), with ``module.`` before every name
    or without.
    """
    state = checkpoint.get('state_dict', checkpoint.get('model', checkpoint))
    return {key.removeprefix('module.'): v for key, v in state.items()}


def write_checkpoint(checkpoint: Dict[str, Any], file: Union[str,
                                                             Path]) -> None:
    """Write a checkpoint, so that the file is whole or not there."""
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    write_whole(file, buffer.getvalue())

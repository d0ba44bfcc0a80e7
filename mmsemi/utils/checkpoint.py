"""Files of weights, read without running code and written whole."""

import errno
import io
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from .files import write_whole
from .text import some


def _statistic(owner: type, name: str) -> Callable:
    """Stands in for ``getattr``, which a history names its methods by."""
    if owner is not HistoryBuffer or name not in ('current', 'max', 'mean', 'min'):
        raise UnpicklingError(f'GLOBAL getattr of {name}')
    return getattr(HistoryBuffer, name)


_MULTIARRAY = getattr(np, '_core', np.core).multiarray
# What checkpoints hold besides tensors and plain values: scores as NumPy
# scalars, and MMEngine's history of logged values.
_HARMLESS = [
    HistoryBuffer, slice, np.ndarray, np.dtype,
    (_statistic, 'builtins.getattr'),
    *(type(np.dtype(kind)) for kind in ('f4', 'f8', 'i4', 'i8', 'u8', 'b1')),
    # NumPy 2 moved its modules; files name the one they were written by.
    *((getattr(_MULTIARRAY, name), f'numpy.{core}.multiarray.{name}')
      for name in ('scalar', '_reconstruct') for core in ('core', '_core'))
]  # yapf: disable
_TRUSTED = ContextVar('trusted', default=False)


@contextmanager
def trusting(trust: bool) -> Iterator[None]:
    """Within, checkpoints may run code where ``trust``.

    Otherwise none does, be it read here or by MMEngine.
    """
    token = _TRUSTED.set(trust)
    try:
        with _only_harmless(), _forced(not trust):
            yield
    finally:
        _TRUSTED.reset(token)


def find_weights(file: str) -> str:
    """A relative file that is not here, below ``MMSEMI_DATA`` if it is there.

    So that one variable places all that a config reads.
    """
    moved = os.path.join(os.environ.get('MMSEMI_DATA', ''), file)
    there = os.path.isfile(moved) and not os.path.exists(file)
    return moved if there else file


def read_checkpoint(file: str | Path, map_location: Any = 'cpu') -> dict[str, Any]:
    """Read a checkpoint without running any code it may hold.

    Args:
        file (str or Path): A file (see :func:`find_weights`), or an address
            that MMEngine resolves (``https://``, ``open-mmlab://``, ...).
        map_location: As in :func:`torch.load`.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: The address needs a package that is not there.
        ValueError: It is no checkpoint, is damaged, or holds other objects
            than tensors, numbers and text, unless :func:`trusting`.
    """
    file = find_weights(str(file))
    remote = '://' in file
    if not remote and not os.path.isfile(file):
        raise FileNotFoundError(f'There is no file {file}.')
    trust = _TRUSTED.get()
    try:
        if remote:
            checkpoint = _read_remote(file, map_location)
        else:
            _check_sums(file)
            with _only_harmless():
                checkpoint = torch.load(
                    file, map_location=map_location, weights_only=not trust
                )
    except (ImportError, OSError):
        raise
    except Exception as error:  # damaged bytes raise nearly anything
        culprit = _refused(error)
        if culprit:
            raise ValueError(
                f'{file} holds {culprit}, which is no tensor, number or '
                'text and could run code when loaded: it is refused. If you '
                'trust where the file is from, give the tool '
                '`--trust-checkpoint`.'
            ) from error
        raise ValueError(
            f'{file} is damaged or no checkpoint at all, but a web page '
            f'saved in its place, for example ({error!r:.200}). Download it '
            'again, or use an earlier one.'
        ) from error
    if not isinstance(checkpoint, dict):
        raise ValueError(
            f'{file} holds a {type(checkpoint).__name__} instead '
            'of a dict of tensors: save its `state_dict()`.'
        )
    return checkpoint


def _read_remote(address: str, map_location: Any) -> Any:
    with trusting(_TRUSTED.get()):
        try:
            return CheckpointLoader.load_checkpoint(address, map_location)
        except KeyError as error:  # of MMEngine's table of models
            raise FileNotFoundError(f'There is no {address}.') from error


def _only_harmless():
    return torch.serialization.safe_globals(_HARMLESS)


@contextmanager
def _forced(safe: bool) -> Iterator[None]:
    """Keep MMEngine from loading without the safeguard where it fails."""
    name = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'
    before = os.environ.get(name)
    if safe:
        os.environ[name] = '1'
    try:
        yield
    finally:
        if safe and before is None:
            del os.environ[name]
        elif safe:
            os.environ[name] = before


def _check_sums(file: str) -> None:
    """Find changed bytes, which PyTorch does not look for."""
    if not zipfile.is_zipfile(file):
        return  # written before PyTorch 1.6
    with zipfile.ZipFile(file) as archive:
        try:
            damaged = archive.testzip()
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            damaged = 'the table of contents'  # names an impossible place
    if damaged:
        raise zipfile.BadZipFile(f'{damaged} has another check sum')


def _refused(error: Exception) -> str | None:
    """The name that the safeguard stopped at, where it did."""
    found = re.search(
        r'GLOBAL ([\w.]+)|unrecognized function (.+)'
        r'|allowlisted via .* but got (.+)',
        str(error),
    )
    return found and next(filter(None, found.groups()))


def unwrap(checkpoint: dict[str, Any]) -> dict[str, Tensor]:
    """The tensors of a checkpoint, however they are wrapped.

    They lie there plainly, or under 'state_dict' (OpenMMLab) or 'model'
    (released semi-supervised trainers), with ``module.`` before every name
    or without.
    """
    state = checkpoint.get('state_dict', checkpoint.get('model', checkpoint))
    return {key.removeprefix('module.'): v for key, v in state.items()}


def tensor_faults(state: dict[str, Tensor], own: dict[str, Tensor]) -> str:
    """How the tensors of a file differ from those of a network.

    Args:
        state (dict): The file's.
        own (dict): The network's.

    Returns:
        str: "lacks ...; it has besides ...; it has other shapes: ...", as far
        as it applies; empty where both have the same tensors.
    """
    reshaped = [
        f'{name} {tuple(state[name].shape)} for {tuple(own[name].shape)}'
        for name in own
        if name in state and state[name].shape != own[name].shape
    ]
    faults = {
        'lacks ': [name for name in own if name not in state],
        'has besides ': [name for name in state if name not in own],
        'has other shapes: ': reshaped,
    }
    return '; it '.join(what + some(names) for what, names in faults.items() if names)


def write_checkpoint(checkpoint: dict[str, Any], file: str | Path) -> None:
    """Write a checkpoint, so that the file is whole or not there."""
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    write_whole(file, buffer.getvalue())


def check_fits(model: nn.Module, checkpoint: dict, filename: str) -> None:
    """The weights of a checkpoint are exactly those of the model.

    Raises:
        ValueError: Naming the tensors that are missing, unexpected or of
            another shape.
    """
    state = checkpoint.get('state_dict', checkpoint)
    state = {key.removeprefix('module.'): value for key, value in state.items()}
    faults = tensor_faults(state, model.state_dict())
    if faults:
        raise ValueError(
            f'The checkpoint {filename} is not of this network: it {faults}. '
            'Use the config it was trained with, or take over what fits by '
            '`--cfg-options strict_load=False`.'
        )

"""Read checkpoints without running code; write them in one step."""

import errno
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from .checkpoint_file import check_checkpoint_file
from .files import data_folder, replacing
from .storage import PROTOCOLS, is_address, local_copy
from .text import some


def _statistic(owner: type, name: str) -> Callable:
    """Replace ``getattr``, which a pickled history uses to name its methods."""
    if owner is not HistoryBuffer or name not in ('current', 'max', 'mean', 'min'):
        raise UnpicklingError(f'GLOBAL getattr of {name}')
    return getattr(HistoryBuffer, name)


# How NumPy rebuilds scalars and arrays.  NumPy 2 moved these functions: a file
# names the module of the version that wrote it.
_REBUILD: list[Any] = [value.__reduce__()[0] for value in (np.float64(0), np.empty(0))]
# What checkpoints contain besides tensors and plain values: scores as NumPy
# scalars, and MMEngine's history of logged values.
_HARMLESS = [
    HistoryBuffer,
    slice,
    np.ndarray,
    np.dtype,
    (_statistic, 'builtins.getattr'),
    *(type(np.dtype(kind)) for kind in ('f4', 'f8', 'i4', 'i8', 'u8', 'b1')),
    *(
        (function, f'numpy.{core}.multiarray.{function.__name__}')
        for function in _REBUILD
        for core in ('core', '_core')
    ),
]
_TRUSTED = ContextVar('trusted', default=False)


@contextmanager
def trusting(trust: bool) -> Iterator[None]:
    """Let checkpoints run code inside the block if ``trust`` is True.

    Otherwise no checkpoint runs code, whether mmsemi or MMEngine reads it.
    """
    token = _TRUSTED.set(trust)
    try:
        with _only_harmless(), _forced(not trust):
            yield
    finally:
        _TRUSTED.reset(token)


def find_weights(file: str) -> str:
    """Find a file of weights that a config names.

    Returns:
        str: The path below ``MMSEMI_DATA`` if the file is there and not at
        ``file`` itself; otherwise ``file``.  One variable thus moves
        everything that a config reads.
    """
    moved = str(data_folder() / file)
    there = os.path.isfile(moved) and not os.path.exists(file)
    return moved if there else file


def read_checkpoint(file: str | Path, map_location: Any = 'cpu') -> dict[str, Any]:
    """Read a checkpoint without running any code it may hold.

    Args:
        file (str or Path): A file (see :func:`find_weights`), or an address
            that fsspec (``s3://``, ``hf://``, ...) or MMEngine resolves
            (``https://``, ``open-mmlab://``, ...).
        map_location: As in :func:`torch.load`.

    Raises:
        FileNotFoundError: There is no such file.
        IsADirectoryError: It is a folder.
        ImportError: The address needs a package that is not installed.
        ValueError: It is no checkpoint, is damaged, or contains objects other
            than tensors, numbers and text, unless :func:`trusting`.
    """
    file = find_weights(str(file))
    of_mmengine = is_address(file) and file.partition('://')[0] not in PROTOCOLS
    if not of_mmengine:
        copy = str(local_copy(file))
        check_checkpoint_file(copy)
    trust = _TRUSTED.get()
    try:
        if of_mmengine:
            checkpoint = _read_remote(file, map_location)
        else:
            _check_sums(copy)
            with _only_harmless():
                checkpoint = torch.load(
                    copy, map_location=map_location, weights_only=not trust
                )
    except (ImportError, OSError):
        raise
    except Exception as error:  # damaged bytes raise nearly anything
        culprit = _refused(error)
        if culprit:
            raise ValueError(
                f'{file} holds {culprit}, which is no tensor, number or '
                'text and could run code when loaded: it is refused. If you '
                'trust its origin, pass `--trust-checkpoint` to the tool.'
            ) from error
        raise ValueError(
            f'{file} is damaged or no checkpoint, for example a web page saved '
            f'under its name ({error!r:.200}). Download it again, or use an '
            'earlier one.'
        ) from error
    if not isinstance(checkpoint, dict):
        raise ValueError(
            f'{file} contains a {type(checkpoint).__name__} instead '
            'of a dict of tensors: save its `state_dict()`.'
        )
    return checkpoint


def _read_remote(address: str, map_location: Any) -> Any:
    with trusting(_TRUSTED.get()):
        try:
            return CheckpointLoader.load_checkpoint(address, map_location)
        except KeyError as error:  # from MMEngine's table of models
            raise FileNotFoundError(f'There is no {address}.') from error


def _only_harmless() -> AbstractContextManager[None]:
    return torch.serialization.safe_globals(_HARMLESS)


@contextmanager
def _forced(safe: bool) -> Iterator[None]:
    """Keep MMEngine from loading a refused file unsafely."""
    name = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'
    before = os.environ.get(name)
    if safe:
        os.environ[name] = '1'
    try:
        yield
    finally:
        if safe and before is None:
            del os.environ[name]
        elif safe and before is not None:
            os.environ[name] = before


def _check_sums(file: str) -> None:
    """Find changed bytes, which PyTorch does not check for.

    Raises:
        zipfile.BadZipFile: A check sum is wrong.
    """
    if not zipfile.is_zipfile(file):
        return  # written before PyTorch 1.6
    with zipfile.ZipFile(file) as archive:
        try:
            damaged = archive.testzip()
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            damaged = 'the table of contents'  # points outside of the file
    if damaged:
        raise zipfile.BadZipFile(f'{damaged} has a wrong check sum')


def _refused(error: Exception) -> str | None:
    """Extract the name of the object that PyTorch refused to load, if any."""
    found = re.search(
        r'GLOBAL ([\w.]+)|unrecognized function (.+)'
        r'|allowlisted via .* but got (.+)',
        str(error),
    )
    return found and next(filter(None, found.groups()))


def unwrap(checkpoint: dict[str, Any], teacher: bool = False) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint, however they are wrapped.

    Args:
        checkpoint (dict): The tensors themselves, or a dict with them under
            'state_dict' (OpenMMLab), or 'model' or else 'model_ema' (released
            semi-supervised trainers); names may start with ``module.``.
        teacher (bool): Return the tensors under 'model_ema'.  Defaults to False.

    Returns:
        dict[str, Tensor]: Without ``module.``.

    Raises:
        KeyError: ``teacher``, and it has none.
    """
    if teacher and 'model_ema' not in checkpoint:
        raise KeyError(
            "It holds no EMA teacher ('model_ema'): take its only network, without "
            '--teacher.'
        )
    places = ('model_ema',) if teacher else ('state_dict', 'model', 'model_ema')
    state = next((checkpoint[key] for key in places if key in checkpoint), checkpoint)
    return {key.removeprefix('module.'): v for key, v in state.items()}


def tensor_faults(state: dict[str, Tensor], own: dict[str, Tensor]) -> str:
    """Describe how the tensors of a file differ from those of a network.

    Args:
        state (dict): The file's tensors.
        own (dict): The network's tensors.

    Returns:
        str: "lacks ...; it also has ...; it has other shapes: ...", the
        parts that apply; empty if names and shapes are the same.
    """
    reshaped = [
        f'{name} {tuple(state[name].shape)} for {tuple(own[name].shape)}'
        for name in own
        if name in state and state[name].shape != own[name].shape
    ]
    faults = {
        'lacks ': [name for name in own if name not in state],
        'also has ': [name for name in state if name not in own],
        'has other shapes: ': reshaped,
    }
    return '; it '.join(what + some(names) for what, names in faults.items() if names)


def write_checkpoint(checkpoint: dict[str, Any], file: str | Path) -> None:
    """Write a checkpoint, so that a reader finds the file whole or not at all.

    It is written to the disk as it is built: no copy is held in memory.

    Raises:
        OSError: It cannot be written, for lack of space or permission.  An
            older file is unchanged.
    """
    try:
        with replacing(file) as part, part.open('wb') as content:
            torch.save(checkpoint, content)
    except (OSError, RuntimeError) as error:
        # PyTorch raises a RuntimeError while it handles a failed write.
        cause = error if isinstance(error, OSError) else error.__context__
        if not isinstance(cause, OSError):
            raise
        raise OSError(
            cause.errno,
            f'{file} could not be written ({cause.strerror}). An older file is '
            'unchanged: free space, or check the permissions.',
        ) from error


CURE = (
    'Use the config it was trained with, or load what fits with '
    '`--cfg-options strict_load=False`.'
)


def check_fits(
    model: nn.Module, checkpoint: dict, filename: str, cure: str = CURE
) -> None:
    """Check that a checkpoint has exactly the tensors of a model.

    Args:
        model (nn.Module): The network.
        checkpoint (dict): The tensors, or a dict with them under 'state_dict'.
        filename (str): Name of the checkpoint, for the message.
        cure (str): Last sentence of the message.

    Raises:
        ValueError: Tensors are missing, unexpected or of another shape.
    """
    state = checkpoint.get('state_dict', checkpoint)
    state = {key.removeprefix('module.'): value for key, value in state.items()}
    own = model.state_dict()
    faults = tensor_faults(state, own)
    if faults:
        counts = _class_counts(state, own)
        if counts:
            faults = f'predicts {counts[0]} classes, the network {counts[1]} ({faults})'
        raise ValueError(
            f'The checkpoint {filename} is not of this network: it {faults}. {cure}'
        )


def _class_counts(
    state: dict[str, Tensor], own: dict[str, Tensor]
) -> tuple[int, int] | None:
    """Return the classes of a file and of a network that differ in these alone."""
    if state.keys() != own.keys():
        return None
    pairs = {
        (len(state[name]), len(own[name]))
        for name in own
        if state[name].shape != own[name].shape and state[name].ndim
    }
    tails = all(state[name].shape[1:] == own[name].shape[1:] for name in own)
    return pairs.pop() if tails and len(pairs) == 1 else None

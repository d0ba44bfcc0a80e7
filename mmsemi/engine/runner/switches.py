"""Settings of a config that change how a network computes, not what.

=========================  ==================================================
``channels_last``          True: weights and feature maps are stored with
                           channels last in memory; on a GPU only.
``gradient_checkpointing`` True, or names of layers: these keep only their
                           inputs for the backward pass, which computes the
                           rest again.  A sequence of layers is split into
                           its layers.
``compile``                True, or a dict of arguments of ``torch.compile``.
``views_on_device``        True: strong views are made on the device, a batch
                           at a time, and workers only draw their settings.
=========================  ==================================================
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from mmseg.models import EncoderDecoder
from torch import nn
from torch.utils.checkpoint import checkpoint

from mmsemi.utils.compat import BATCH_NORMS, recompile_for_hooks


class Recomputed:
    """Replace a layer's ``forward`` by one that needs less memory.

    While gradients are computed, the layer keeps only its input for the
    backward pass, which runs ``forward`` once more: with the same random
    draws, and without updating BatchNorm's running statistics a second time.
    A copy of the layer, deep or pickled, gets its own replacement.

    Args:
        layer (nn.Module): Its ``forward`` is still that of its class.
    """

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer

    def __call__(self, *args, **kwargs) -> Any:
        """Run the layer's ``forward`` with these arguments."""
        if not torch.is_grad_enabled():
            return type(self.layer).forward(self.layer, *args, **kwargs)
        return checkpoint(
            type(self.layer).forward,
            self.layer,
            *args,
            use_reentrant=False,
            context_fn=lambda: (nullcontext(), self._frozen_statistics()),
            **kwargs,
        )

    @contextmanager
    def _frozen_statistics(self) -> Iterator[None]:
        """Normalise as before, but leave the running statistics alone."""
        norms = [
            (norm, norm.momentum, norm.num_batches_tracked)
            for norm in self.layer.modules()
            if isinstance(norm, BATCH_NORMS) and norm.track_running_stats
        ]
        for norm, _, batches in norms:
            norm.momentum = 0.0
            norm.num_batches_tracked = batches.clone()
        try:
            yield
        finally:
            for norm, momentum, batches in norms:
                norm.momentum = momentum
                norm.num_batches_tracked = batches


def apply_switches(model: nn.Module, cfg: dict) -> None:
    """Apply all switches of a config to a network, except ``compile``.

    Args:
        model (nn.Module): The network; it is changed.
        cfg (dict): Config of a run.

    Raises:
        ValueError: A named layer does not exist; ``channels_last`` is set
            without a GPU; MMEngine's ``activation_checkpointing`` is set.
    """
    if cfg.get('activation_checkpointing'):
        raise ValueError(
            'activation_checkpointing would update BatchNorm twice per batch: '
            'name the layers in gradient_checkpointing instead.'
        )
    if cfg.get('channels_last'):
        if not torch.cuda.is_available():
            raise ValueError(
                'channels_last=True needs a GPU: on the CPU it sometimes '
                'corrupts memory inside PyTorch (2.13). Set it to False.'
            )
        model.to(memory_format=torch.channels_last)
    checkpoint_gradients(model, cfg.get('gradient_checkpointing', False))


def checkpoint_gradients(model: nn.Module, names: bool | Sequence[str]) -> None:
    """Let layers of a network recompute activations instead of keeping them.

    Args:
        model (EncoderDecoder): It is changed; its ``state_dict`` is not.
        names (bool | Sequence[str]): Names of layers, as
            ``model.get_submodule`` takes them; True for all blocks of the
            backbone.

    Raises:
        ValueError: There is no such layer.
    """
    if names is True:
        names = [
            f'{prefix}backbone.{name}'
            for prefix, network in networks(model).items()
            for name, stage in network.backbone.named_children()
            if _is_stage(stage)
        ]
    for name in names or ():
        try:
            layer = model.get_submodule(name)
        except AttributeError as error:
            raise ValueError(
                f'gradient_checkpointing names {name!r}, but the network has '
                f'no such layer ({error}): `dict(model.named_modules())` lists '
                'its layers.'
            ) from error
        for part in _parts(layer):
            part.forward = Recomputed(part)


def blocks(model: nn.Module) -> list[nn.Module]:
    """Return the blocks of the backbones of all networks that train."""
    return [
        block
        for network in networks(model).values()
        for stage in network.backbone.children()
        if _is_stage(stage)
        for block in _parts(stage)
    ]


def networks(model: nn.Module) -> dict[str, nn.Module]:
    """Return the networks that train, by the prefix of their layers' names.

    A method is one, and may hold more: CPS trains two.
    """
    return {
        f'{name}.' if name else '': network
        for name, network in model.named_modules()
        if isinstance(network, EncoderDecoder)
    } or {'': model}


def _is_stage(layer: nn.Module) -> bool:
    """Tell whether a layer is a sequence of blocks."""
    return isinstance(layer, (nn.Sequential, nn.ModuleList)) and all(
        any(True for _ in block.children()) for block in layer
    )


def _parts(layer: nn.Module) -> list[nn.Module]:
    """Split a sequence into its layers."""
    if isinstance(layer, (nn.Sequential, nn.ModuleList)):
        return [part for child in layer for part in _parts(child)]
    return [layer]


def leave_views_to_device(dataset: dict) -> dict:
    """Return a data set's config whose strong views are made on the device.

    Args:
        dataset (dict): Config of a :class:`mmsemi.datasets.SemiSegDataset`.

    Raises:
        ValueError: It makes no strong views.
    """
    pipeline = [
        dict(step, on_device=True) if step['type'] == 'StrongViews' else step
        for step in dataset.get('unlabeled_pipeline', ())
    ]
    if not any(step.get('on_device') for step in pipeline):
        raise ValueError(
            'views_on_device=True, but there is no StrongViews in the '
            'unlabeled_pipeline of train_dataloader.dataset: set it to False.'
        )
    return dict(dataset, unlabeled_pipeline=pipeline)


def compile_network(model: nn.Module, options: bool | dict) -> None:
    """Compile the backbones and decode heads of a method in place.

    The method around them reads layers with hooks and differs from step to
    step: it is not compiled.  Neither are copies of the segmentor, such as a
    teacher.

    Args:
        model (EncoderDecoder): It is changed; its ``state_dict`` is not.
        options (bool | dict): True or the arguments of ``torch.compile``.

    Raises:
        RuntimeError: There is no C++ compiler.
    """
    options = {} if options is True else dict(options)
    if options.get('backend', 'inductor') == 'inductor':
        check_compiler()
    recompile_for_hooks()  # methods add and remove them
    for network in networks(model).values():
        for part in (network.backbone, network.decode_head):
            part.compile(**options)


def check_compiler() -> None:
    """Check that there is a C++ compiler, which ``torch.compile`` needs.

    Raises:
        RuntimeError: There is none.
    """
    names = [os.environ['CXX']] if 'CXX' in os.environ else ['g++', 'clang++']
    if not any(map(shutil.which, names)):
        raise RuntimeError(
            f'compile needs a C++ compiler, and there is no '
            f'{" or ".join(names)}: install one (`apt install g++`), name it '
            'in the environment variable CXX, or set compile=False.'
        )

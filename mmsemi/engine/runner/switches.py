"""Settings of a config that change how a network computes, not what.

=========================  ==================================================
``channels_last``          True: weights and feature maps lie channel by
                           channel in memory; on a GPU only.
``gradient_checkpointing`` True, or names of layers: these keep their inputs
                           alone and compute the rest again on the way back;
                           a sequence of layers does so one by one.
``compile``                True, or a dict of arguments of ``torch.compile``.
``views_on_device``        True: strong views are made on the device, a batch
                           at a time, and workers only draw for them.
=========================  ==================================================
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


class Recomputed:
    """Stands in for the ``forward`` of a layer and saves memory.

    While gradients are computed, all that the layer keeps for the way back is
    its input; the rest is computed once more there, with the same random
    draws, and without updating BatchNorm's statistics a second time.  A copy
    of the layer, deep or pickled, has a stand-in of its own.

    Args:
        layer (nn.Module): Its ``forward`` is still that of its class.
    """

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer

    def __call__(self, *args, **kwargs):
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
        """Let BatchNorm compute what it did, but not follow it again."""
        norms = [
            (norm, norm.momentum, norm.num_batches_tracked)
            for norm in self.layer.modules()
            if isinstance(norm, _BatchNorm) and norm.track_running_stats
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
    """Set a network up as a config asks for, but for ``compile``.

    Args:
        model (nn.Module): It is changed.
        cfg (dict): Of a run.

    Raises:
        ValueError: A layer that there is not; ``channels_last`` without a
            GPU; MMEngine's ``activation_checkpointing``.
    """
    if cfg.get('activation_checkpointing'):
        raise ValueError(
            'activation_checkpointing lets BatchNorm follow every batch '
            'twice: name the layers by gradient_checkpointing instead.'
        )
    if cfg.get('channels_last'):
        if not torch.cuda.is_available():
            raise ValueError(
                'channels_last=True needs a GPU: on the CPU PyTorch (2.13) '
                'damages its memory by it now and then. Set it to False.'
            )
        model.to(memory_format=torch.channels_last)
    checkpoint_gradients(model, cfg.get('gradient_checkpointing', False))


def checkpoint_gradients(model: nn.Module, names: bool | Sequence[str]) -> None:
    """Let layers of a network compute again instead of keeping.

    Args:
        model (EncoderDecoder): It is changed; its ``state_dict`` is not.
        names (bool | Sequence[str]): Of layers, as ``model.get_submodule``
            takes them; True for all blocks of the backbone.

    Raises:
        ValueError: There is no such layer.
    """
    if names is True:
        names = [
            f'backbone.{name}'
            for name, stage in model.backbone.named_children()
            if _is_stage(stage)
        ]
    for name in names or ():
        try:
            layer = model.get_submodule(name)
        except AttributeError as error:
            raise ValueError(
                f'gradient_checkpointing names {name!r}, but the network has '
                f'no such layer ({error}): see '
                '`dict(model.named_modules())`.'
            ) from error
        for part in _parts(layer):
            part.forward = Recomputed(part)


def _is_stage(layer: nn.Module) -> bool:
    """A sequence of blocks."""
    return isinstance(layer, (nn.Sequential, nn.ModuleList)) and all(
        any(True for _ in block.children()) for block in layer
    )


def _parts(layer: nn.Module) -> list[nn.Module]:
    if isinstance(layer, (nn.Sequential, nn.ModuleList)):
        return [part for child in layer for part in _parts(child)]
    return [layer]


def leave_views_to_device(dataset: dict) -> dict:
    """A data set's config, with its strong views made on the device.

    Args:
        dataset (dict): Of a :class:`mmsemi.datasets.SemiSegDataset`.

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
    """Compile a segmentor's backbone and decode head in place.

    The method around them, which reads their layers by hooks and differs from
    step to step, is left to Python.  Copies of the segmentor, such as a
    teacher, are not compiled.

    Args:
        model (EncoderDecoder): It is changed; its ``state_dict`` is not.
        options (bool | dict): True or the arguments of ``torch.compile``.

    Raises:
        RuntimeError: There is no C++ compiler.
    """
    options = {} if options is True else dict(options)
    if options.get('backend', 'inductor') == 'inductor':
        check_compiler()
    # Methods read layers by hooks that come and go.
    torch._dynamo.config.skip_nnmodule_hook_guards = False
    for part in (model.backbone, model.decode_head):
        part.compile(**options)


def check_compiler() -> None:
    """There is a C++ compiler, which ``torch.compile`` needs on any device.

    Raises:
        RuntimeError: There is none.
    """
    names = [os.environ['CXX']] if 'CXX' in os.environ else ['g++', 'clang++']
    if not any(map(shutil.which, names)):
        raise RuntimeError(
            f'compile needs a C++ compiler, and there is no '
            f'{" or ".join(names)}: install one (`apt install g++`), name it '
            'by the environment variable CXX, or set compile=False.'
        )

"""Repeat the part of a step that any training of the network needs."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple
from unittest.mock import patch

import torch
from torch import Tensor, nn

from mmsemi.models import SemiSegmentor

NETWORK = ('backbone', 'decode_head', 'data_preprocessor')


class Pass(NamedTuple):
    """One forward of a network and the gradients that came back to it.

    Attributes:
        model (nn.Module): The network, a network that guides it, or a layer.
        forward (Callable): Repeats the forward.
        training (bool): Whether the network was in training mode.
        grads (list[Tensor]): Gradient of each output, (B, C, H, W); empty if
            the forward ran without gradients.
    """

    model: nn.Module
    forward: Callable
    training: bool
    grads: list[Tensor]


class BareNetwork:
    """Repeat what a step does with its network, and nothing else.

    A recorded step gives the batches that go through its networks, the modes
    these are in, and the gradients that come back.  :meth:`run` then computes
    the same forwards and the same backward pass.

    Args:
        step (Callable): Does a training step; called once.
        context (Callable): Returns the context of the forwards, for mixed
            precision.
        layers (Sequence[nn.Module]): Layers to record as well, see
            :func:`own_layers`.  Defaults to none.
    """

    def __init__(
        self,
        step: Callable[[], object],
        context: Callable,
        layers: Sequence[nn.Module] = (),
    ) -> None:
        self.context = context
        self.passes: list[Pass] = []
        with ExitStack() as stack:
            for method in (SemiSegmentor.logits, SemiSegmentor.logits_and_dropped):
                recorded = self._recorded(method)
                stack.enter_context(
                    patch.object(SemiSegmentor, method.__name__, recorded)
                )
            for layer in layers:
                recorded = partial(self._recorded(type(layer).forward), layer)
                stack.enter_context(patch.object(layer, 'forward', recorded))
            step()

    def _recorded(self, forward: Callable) -> Callable:

        def recorded(model, *args, **kwargs):
            outputs = forward(model, *args, **kwargs)
            # A layer starts its own backward pass: detach its inputs.
            args = [
                arg.detach().requires_grad_()
                if torch.is_tensor(arg) and arg.requires_grad
                else arg
                for arg in args
            ]
            grads = []

            def store(i, grad):
                grads[i] = grad.detach()

            for output in _tuple(outputs):
                if output.requires_grad:
                    output.register_hook(partial(store, len(grads)))
                    grads.append(None)
            self.passes.append(
                Pass(
                    model,
                    partial(forward, model, *args, **kwargs),
                    model.training,
                    grads,
                )
            )
            return outputs

        return recorded

    def forward(self) -> list[tuple[Tensor, Tensor]]:
        """Repeat all forwards; return outputs and their gradients in pairs."""
        pairs: list[tuple[Tensor, Tensor]] = []
        for model, forward, training, grads in self.passes:
            if model.training != training:
                model.train(training)
            with torch.set_grad_enabled(bool(grads)), self.context():
                outputs = forward()
            learning = [o for o in _tuple(outputs) if o.requires_grad]
            pairs += zip(learning, grads, strict=True)
        left = {p.model: p.training for p in self.passes}
        for model, training in left.items():
            if model.training != training:
                model.train(training)
        return [(out, grad) for out, grad in pairs if grad is not None]

    def run(self) -> None:
        """Repeat all forwards and the backward pass."""
        outputs, grads = zip(*self.forward(), strict=True)
        torch.autograd.backward(outputs, grads)
        for model in {p.model for p in self.passes}:
            model.zero_grad()


def own_layers(model: nn.Module) -> list[nn.Module]:
    """Find the layers with weights that a method adds to its network.

    A second network (CPS) is none of them: the floor has its forwards.

    Args:
        model (SemiSegmentor): The method.

    Returns:
        list[nn.Module]: The outermost modules that are PyTorch's own or hold
        weights themselves.
    """

    def search(module: nn.Module) -> Iterator[nn.Module]:
        if next(module.parameters(), None) is None:
            return
        if (
            type(module).__module__.startswith('torch.nn.')
            or next(module.parameters(recurse=False), None) is not None
        ):
            yield module
        else:
            for child in module.children():
                yield from search(child)

    return [
        layer
        for name, child in model.named_children()
        if name not in NETWORK and not isinstance(child, SemiSegmentor)
        for layer in search(child)
    ]


def _tuple(outputs) -> tuple:
    return (outputs,) if torch.is_tensor(outputs) else outputs

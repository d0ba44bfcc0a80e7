"""What a step asks of its network, and nothing besides."""

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
    """A batch that went through a network.

    Attributes:
        model (nn.Module): The network, one that guides it, or a layer.
        forward (Callable): Sends it through again.
        training (bool): Whether the network was in training mode.
        grads (list[Tensor], optional): What came back to the outputs, (B, C,
            H, W) each; None for a pass without gradients.
    """

    model: nn.Module
    forward: Callable
    training: bool
    grads: list[Tensor]


class BareNetwork:
    """The floor of a step: its network alone.

    Takes note of what a step sends through its networks, in which mode and
    grouping, and which gradients come back.  :meth:`run` repeats exactly
    that: the same images forwards, the same gradients backwards.

    Args:
        step (Callable): Does a step of training.
        context (Callable): Gives the context that it computes in, for mixed
            precision.
        layers (Sequence[nn.Module]): Layers that belong to it besides, as
            :func:`own_layers` finds them.  Defaults to none.
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
            for name in ('logits', 'logits_and_dropped'):
                stack.enter_context(
                    patch.object(
                        SemiSegmentor, name, self._noting(getattr(SemiSegmentor, name))
                    )
                )
            for layer in layers:
                forward = self._noting(type(layer).forward)
                stack.enter_context(
                    patch.object(layer, 'forward', partial(forward, layer))
                )
            step()

    def _noting(self, forward: Callable) -> Callable:

        def noted(model, *args, **kwargs):
            outputs = forward(model, *args, **kwargs)
            # What a layer is given has a way back of its own.
            args = [
                arg.detach().requires_grad_()
                if torch.is_tensor(arg) and arg.requires_grad
                else arg
                for arg in args
            ]
            grads = []
            for output in _tuple(outputs):
                if output.requires_grad:
                    grads.append(None)
                    output.register_hook(
                        lambda grad, i=len(grads) - 1: grads.__setitem__(
                            i, grad.detach()
                        )
                    )
            self.passes.append(
                Pass(
                    model,
                    partial(forward, model, *args, **kwargs),
                    model.training,
                    grads,
                )
            )
            return outputs

        return noted

    def forward(self) -> list[tuple[Tensor, Tensor]]:
        """All passes; outputs and the gradients that come back to them."""
        pairs: list[tuple[Tensor, Tensor]] = []
        for model, forward, training, grads in self.passes:
            if model.training != training:
                model.train(training)
            with torch.set_grad_enabled(bool(grads)), self.context():
                outputs = forward()
            pairs += zip(_tuple(outputs), grads)
        left = {p.model: p.training for p in self.passes}
        for model, training in left.items():
            if model.training != training:
                model.train(training)
        return [(out, grad) for out, grad in pairs if grad is not None]

    def run(self) -> None:
        """All passes, forwards and backwards."""
        outputs, grads = zip(*self.forward())
        torch.autograd.backward(outputs, grads)
        for model in {p.model for p in self.passes}:
            model.zero_grad()


def own_layers(model: nn.Module) -> list[nn.Module]:
    """The layers with weights that a method adds to its network.

    Args:
        model (SemiSegmentor): The method.

    Returns:
        list[nn.Module]: The outermost ones that are PyTorch's own or hold
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
        if name not in NETWORK
        for layer in search(child)
    ]


def _tuple(outputs) -> tuple:
    return (outputs,) if torch.is_tensor(outputs) else outputs

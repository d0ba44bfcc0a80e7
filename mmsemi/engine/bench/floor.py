"""What a step asks of its network, and nothing besides."""
from functools import partial
from typing import Callable, List, NamedTuple, Tuple
from unittest.mock import patch

import torch
from torch import Tensor, nn

from mmsemi.models import SemiSegmentor


class Pass(NamedTuple):
    """A batch that went through a network.

    Attributes:
        model (SemiSegmentor): The network, or one that guides it.
        forward (Callable): Sends it through again.
        training (bool): Whether the network was in training mode.
        grads (list[Tensor], optional): What came back to the outputs, (B, C,
            H, W) each; None for a pass without gradients.
    """

    model: nn.Module
    forward: Callable
    training: bool
    grads: List[Tensor]


class BareNetwork:
    """The floor of a step: its network alone.

    Takes note of what a step sends through its networks, in which mode and
    grouping, and which gradients come back.  :meth:`run` repeats exactly
    that: the same images forwards, the same gradients backwards.

    Args:
        step (Callable): Does a step of training.
        context (Callable): Gives the context that it computes in, for mixed
            precision.
    """

    def __init__(self, step: Callable[[], object], context: Callable) -> None:
        self.context = context
        self.passes: List[Pass] = []
        with patch.object(SemiSegmentor, 'logits',
                          self._noting(SemiSegmentor.logits)), \
                patch.object(SemiSegmentor, 'logits_and_dropped',
                             self._noting(SemiSegmentor.logits_and_dropped)):
            step()

    def _noting(self, forward: Callable) -> Callable:

        def noted(model, *args, **kwargs):
            outputs = forward(model, *args, **kwargs)
            grads = []
            for output in _tuple(outputs):
                if output.requires_grad:
                    grads.append(None)
                    output.register_hook(
                        lambda grad, i=len(grads) - 1: grads.__setitem__(
                            i, grad.detach()))
            self.passes.append(
                Pass(model, partial(forward, model, *args, **kwargs),
                     model.training, grads))
            return outputs

        return noted

    def forward(self) -> List[Tuple[Tensor, Tensor]]:
        """All passes; outputs and the gradients that come back to them."""
        pairs: List[Tuple[Tensor, Tensor]] = []
        for model, forward, training, grads in self.passes:
            if model.training != training:
                model.train(training)
            with torch.set_grad_enabled(bool(grads)), self.context():
                outputs = forward()
            pairs += zip(_tuple(outputs), grads)
        self.passes[-1].model.train()
        return [(out, grad) for out, grad in pairs if grad is not None]

    def run(self) -> None:
        """All passes, forwards and backwards."""
        outputs, grads = zip(*self.forward())
        torch.autograd.backward(outputs, grads)
        for model in {p.model for p in self.passes}:
            model.zero_grad()


def _tuple(outputs) -> tuple:
    return (outputs, ) if torch.is_tensor(outputs) else outputs

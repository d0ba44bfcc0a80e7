"""Measure where the time of a step goes."""

import inspect
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from unittest.mock import patch

import torch
from mmengine.hooks import Hook

from mmsemi.engine.hooks import EMATeacherHook
from mmsemi.models import PrevMatch, SemiSegmentor
from mmsemi.models.utils import (
    PseudoLabel,
    cutmix,
    cutmix_features,
    outside,
    propagate_labels,
)

from .floor import NETWORK
from .measure import clock
from .rehearsal import Rehearsal

# Functions and methods are given as objects, not by name: renaming one only
# elsewhere is an error and cannot silently move its time to another part.
FUNCTIONS = {  # others in a method's module are parts under their own name
    cutmix: 'mixing',
    cutmix_features: 'mixing',
    outside: 'mixing',
    propagate_labels: 'propagate_labels',
}
METHODS = [
    (SemiSegmentor, SemiSegmentor.loss_sup, 'loss_sup'),
    (PseudoLabel, PseudoLabel.from_logits, 'pseudo-label'),
    (PseudoLabel, PseudoLabel.cutmix, 'mixing'),
    (PseudoLabel, PseudoLabel.confident_share, 'logged shares'),
    (PrevMatch, PrevMatch.prev_labels, 'pseudo-label'),
]


class Parts:
    """Time the parts of a step, each without the parts inside it.

    A part is every function of mmsemi that a method calls, every module that
    it has beside the network, and what surrounds the method: views to device,
    backward, optimizer, hooks.

    Attributes:
        spent (dict[str, float]): Seconds of each part.
    """

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._inner: list[float] = []

    def measure(self, rehearsal: Rehearsal) -> None:
        """Run a training step and time its parts.

        Raises:
            AttributeError: A part does not exist any more.
        """
        with ExitStack() as stack:
            for owner, attribute, name in _places(rehearsal):
                found = inspect.getattr_static(owner, attribute)
                timed = self._timed(getattr(found, '__func__', found), name)
                if isinstance(found, classmethod):
                    timed = classmethod(timed)
                stack.enter_context(patch.object(owner, attribute, timed))
            self._timed(rehearsal.step, 'the rest')()

    def _timed(self, function: Callable, name: str | Callable) -> Callable:
        def run(*args, **kwargs):
            part = name(*args) if callable(name) else name
            start = clock()
            self._inner.append(0.0)
            try:
                return function(*args, **kwargs)
            finally:
                took = clock() - start
                self.spent[part] += took - self._inner.pop()
                if self._inner:
                    self._inner[-1] += took

        return run


def _places(rehearsal: Rehearsal) -> Iterator[tuple[object, str, str | Callable]]:
    """Yield owner, attribute, and the part's name or a function returning it."""
    model = rehearsal.model

    def forward(network, *args):
        if network is not model:
            return 'guidance forwards'
        return 'forwards' if torch.is_grad_enabled() else 'partner forward'

    for method in (SemiSegmentor.logits, SemiSegmentor.logits_and_dropped):
        yield SemiSegmentor, method.__name__, forward
    for owner, method, name in METHODS:
        yield owner, method.__name__, name
    module = sys.modules[type(model).__module__]
    for attribute, value in list(vars(module).items()):
        if callable(value) and value in FUNCTIONS:
            yield module, attribute, FUNCTIONS[value]
        elif inspect.isfunction(value) and value.__module__.startswith('mmsemi.models'):
            yield module, attribute, attribute
    for name, child in model.named_children():
        if name not in NETWORK:
            for attribute, value in list(vars(type(child)).items()):
                if inspect.isfunction(value) and attribute[0] != '_':
                    yield type(child), attribute, name

    yield type(model.data_preprocessor), 'forward', 'views to device'
    optim = rehearsal.runner.optim_wrapper
    yield type(optim), 'backward', 'backward'
    yield type(optim.optimizer), 'step', 'optimizer'
    yield type(optim.optimizer), 'zero_grad', 'optimizer'
    for hook in {type(hook) for hook in rehearsal.runner.hooks}:
        name = 'EMA' if hook is EMATeacherHook else 'hooks'
        for method in (Hook.before_train_iter, Hook.after_train_iter):
            yield hook, method.__name__, name

"""Where the time of a step goes."""

import inspect
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from unittest.mock import patch

import torch

from mmsemi.engine.hooks import EMATeacherHook
from mmsemi.models import SemiSegmentor
from mmsemi.models.utils import PseudoLabel

from .floor import NETWORK
from .rehearsal import Rehearsal
from .timing import clock

NAMES = dict(  # of functions; others have their own
    confident_share='logged shares',
    cutmix='mixing',
    cutmix_features='mixing',
    from_logits='pseudo-label',
    outside='mixing',
    prev_labels='pseudo-label',
)


class Parts:
    """The parts of a step, each without the parts inside it.

    Every function of mmsemi that a method calls is a part, every module that
    it has beside the network, and what surrounds the method: views to device,
    backward, optimiser, hooks.

    Attributes:
        spent (dict[str, float]): Seconds by name.
    """

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._inner = []

    def measure(self, rehearsal: Rehearsal) -> None:
        """Do a step of training."""
        with ExitStack() as stack:
            for owner, attribute, name in _places(rehearsal):
                found = inspect.getattr_static(owner, attribute)
                timed = self._timed(getattr(found, '__func__', found), name)
                if isinstance(found, classmethod):
                    timed = classmethod(timed)
                stack.enter_context(patch.object(owner, attribute, timed))
            self._timed(rehearsal.step, 'the rest')()

    def _timed(self, function: Callable, name) -> Callable:

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


def _places(rehearsal: Rehearsal) -> Iterator[tuple[object, str, object]]:
    """Owner, attribute and name (or a function of the arguments)."""
    model = rehearsal.model

    def forward(network, *args):
        if network is not model:
            return 'guidance forwards'
        return 'forwards' if torch.is_grad_enabled() else 'partner forward'

    yield SemiSegmentor, 'logits', forward
    yield SemiSegmentor, 'logits_and_dropped', forward
    yield SemiSegmentor, 'loss_sup', 'loss_sup'
    for attribute in ('from_logits', 'cutmix', 'confident_share'):
        yield PseudoLabel, attribute, NAMES[attribute]
    module = sys.modules[type(model).__module__]
    for attribute, value in list(vars(module).items()):
        if inspect.isfunction(value) and value.__module__.startswith('mmsemi.models'):
            yield module, attribute, NAMES.get(attribute, attribute)
    for name, child in model.named_children():
        if name not in NETWORK:
            for attribute, value in list(vars(type(child)).items()):
                if inspect.isfunction(value) and attribute[0] != '_':
                    yield type(child), attribute, name

    yield type(model.data_preprocessor), 'forward', 'views to device'
    optim = rehearsal.runner.optim_wrapper
    yield type(optim), 'backward', 'backward'
    yield type(optim.optimizer), 'step', 'optimiser'
    yield type(optim.optimizer), 'zero_grad', 'optimiser'
    for hook in {type(hook) for hook in rehearsal.runner.hooks}:
        name = 'EMA' if hook is EMATeacherHook else 'hooks'
        for attribute in ('before_train_iter', 'after_train_iter'):
            yield hook, attribute, name

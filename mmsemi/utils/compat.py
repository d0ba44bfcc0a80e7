"""The private names of MMEngine and PyTorch that mmsemi calls.

Each has no public counterpart and is used through one function here.  This is
impossible for methods that mmsemi overrides and for attributes that its
subclasses share with a base class.  ``tests/test_utils/test_compat.py`` lists
all of them, with what breaks without each.
"""

import copy
import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import Conv2dAdaptivePadding
from mmengine.config import Config, DictAction
from mmengine.infer import BaseInferencer
from mmengine.optim import _ParamScheduler
from mmengine.runner import BaseLoop, Runner
from mmengine.utils import ManagerMixin
from mmseg.engine.hooks import SegVisualizationHook
from torch import Tensor, distributed, nn

# The base class of MMEngine's schedules.
ParamScheduler = _ParamScheduler
# PyTorch's `_BatchNorm`, from which all of these inherit.
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
TIMESTAMP = '%Y%m%d_%H%M%S'  # of MMEngine's runs
_last_begin = datetime.min


def resumes_from(runner: Runner) -> str | None:
    """Return the checkpoint that a run resumes from, None if it starts anew.

    With ``resume=True`` and no ``load_from``, the file is known from
    ``runner.load_or_resume()`` on.
    """
    return runner._load_from if runner._resume else None


def move_to_iter(loop: BaseLoop, iteration: int) -> None:
    """Let a train loop count its next step as step ``iteration``, from 0."""
    loop._iter = iteration


def begin_in_a_second_of_its_own(runner: Runner) -> None:
    """Let a run begin at least a second after the last one of this process.

    MMEngine names a run's log folder, logger, message hub and visualizer by the
    second in which it begins.  Two runs of one second would share them, and the
    second run would believe the best score of the first one to be its own.
    """
    global _last_begin
    began = datetime.strptime(runner.timestamp, TIMESTAMP)
    _last_begin = max(began, _last_begin + timedelta(seconds=1))
    runner._timestamp = _last_begin.strftime(TIMESTAMP)


def forget_instances(*instances: ManagerMixin) -> None:
    """Remove loggers, message hubs and visualizers from MMEngine's registry.

    MMEngine keeps them by name for the life of the process.
    """
    for instance in instances:
        type(instance)._instance_dict.pop(instance.instance_name)


def draw_nowhere(hook: SegVisualizationHook) -> SegVisualizationHook:
    """Return a copy of a hook that draws every image and writes none."""
    hook = copy.copy(hook)
    hook.interval = 1
    hook._visualizer = copy.copy(hook._visualizer)
    hook._visualizer._vis_backends = {}
    return hook


def parse_option(text: str) -> object:
    """Parse the value of a ``KEY=VALUE`` option as MMEngine does.

    Raises:
        AssertionError, RecursionError: The brackets do not match.
    """
    return DictAction._parse_iterable(text)


def default_store() -> distributed.Store:
    """Return the key-value store that connects the processes of a run."""
    return distributed.distributed_c10d._get_default_store()


def recompile_for_hooks() -> None:
    """Let ``torch.compile`` notice hooks that are added to compiled layers."""
    torch._dynamo.config.skip_nnmodule_hook_guards = False


def freeze_compiled_weights() -> None:
    """Let ``torch.compile`` treat weights as constants: for evaluation only."""
    from torch._inductor import config  # takes seconds

    config.freezing = True


def around_inferencers_build(
    around: Callable[[Config, str | None], AbstractContextManager[list[nn.Module]]],
) -> None:
    """Enter a context whenever an inferencer builds and loads its network.

    ``around`` gets the config, which it may change in place, and the
    checkpoint; the list that it yields receives the network.  An inferencer of
    MMEngine builds its pipeline from the same config afterwards, and has no hook
    of its own.
    """
    build = BaseInferencer._init_model

    @functools.wraps(build)
    def watched(
        self: BaseInferencer,
        cfg: Config,
        weights: str | None,
        *args: Any,
        **kwargs: Any,
    ) -> nn.Module:
        with around(cfg, weights) as built:
            model = build(self, cfg, weights, *args, **kwargs)
            built.append(model)
        return model

    BaseInferencer._init_model = watched


@contextmanager
def silent_resizing() -> Iterator[None]:
    """Let mmseg resize feature maps without a look at their sizes.

    It compares them, as Python's numbers, for a warning that only
    ``align_corners`` causes.
    """
    from mmseg.models.utils import resize  # with all networks, which take seconds

    defaults = resize.__defaults__
    resize.__defaults__ = (*defaults[:-1], False)
    try:
        yield
    finally:
        resize.__defaults__ = defaults


@contextmanager
def traced_for_any_size() -> Iterator[None]:
    """Let networks be traced such that the trace holds for images of any size.

    Besides :func:`silent_resizing`: mmcv pads to the "same" size, as in
    TensorFlow, with ``math.ceil``, which makes a size a constant.
    """
    original = Conv2dAdaptivePadding.forward

    def forward(self: Conv2dAdaptivePadding, x: Tensor) -> Tensor:
        pads: list[int] = []
        parts = (x.shape[2:], self.weight.shape[2:], self.stride, self.dilation)
        for side, kernel, stride, dilation in zip(*parts, strict=True):
            if kernel < stride:  # some sizes are not padded
                return original(self, x)
            pad = -(-side // stride) * stride - side + (kernel - 1) * dilation
            pad = pad + 1 - stride
            pads = [pad // 2, pad - pad // 2, *pads]  # from the last side on
        return F.conv2d(
            F.pad(x, pads),
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
        )

    Conv2dAdaptivePadding.forward = forward
    try:
        with silent_resizing():
            yield
    finally:
        Conv2dAdaptivePadding.forward = original

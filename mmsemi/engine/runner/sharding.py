"""Divide weights, gradients and moments among the processes of a training.

``sharding=True`` in a config: each process holds its share of every tensor of
the network, of its gradient, of the optimizer's moments and of the EMA
teacher.  PyTorch's ``fully_shard`` (FSDP2) gathers the weights of a block when
it computes and sums its gradients where their share is kept.  MMEngine's own
sharding belongs to its ``FlexibleRunner`` and wraps the older FSDP, which takes
a single forward for each backward pass; a method has several.

Whatever is written or read is whole: a checkpoint has the names, shapes and
format of one without sharding, and is resumed with it or without it on any
number of processes.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import get_world_size, is_distributed
from mmengine.hooks import EMAHook, Hook
from mmengine.model import convert_sync_batchnorm
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.optim import SGD
from torch.utils._pytree import tree_map_only

from mmsemi.models import SemiSegmentor

from ..hooks.ema_teacher_hook import EMATeacherHook
from ..hooks.previous_models_hook import PreviousModelsHook
from ..unwrap import student, units, whole_weights
from .processes import warn_of_batch_norm
from .shares import load_moments, load_weights, whole_states
from .switches import blocks, networks

WHOLE_ONLY = {
    'channels_last': 'shares are cut from tensors with channels first',
    'compile': 'the compiled network would not gather its weights',
    'efficient_conv_bn_eval': 'it reads the weights of layers that do not compute',
    'model_wrapper_cfg': 'no wrapper is used',
}


def wants_shards(cfg: dict) -> bool:
    """Tell whether a run divides its weights among its processes.

    Raises:
        ValueError: ``sharding`` is neither True nor False.
    """
    wanted = cfg.get('sharding', False)
    if not isinstance(wanted, bool):
        raise ValueError(f'sharding={wanted!r} is neither True nor False.')
    return wanted and is_distributed()


def check_shards(runner: Runner) -> None:
    """Check that nothing in a training needs whole weights on a process.

    Args:
        runner (Runner): It has built its hooks and its optimizer.

    Raises:
        ValueError: Something does; it is named.
    """
    if not wants_shards(runner.cfg):
        if runner.cfg.get('sharding'):
            runner.logger.info('sharding=True: the only process holds all weights.')
        return
    if not hasattr(FSDPModule, 'reset_iter_state'):
        raise ValueError(
            f'sharding=True needs PyTorch 2.13 or newer, not {torch.__version__}.'
        )
    for name, reason in WHOLE_ONLY.items():
        if runner.cfg.get(name):
            raise ValueError(
                f'{name} cannot be combined with sharding=True: {reason}. Leave one '
                'of them out.'
            )
    for hook in runner.hooks:
        if isinstance(hook, (PreviousModelsHook, EMAHook)):
            raise ValueError(
                f'{type(hook).__name__} keeps whole models, which sharding=True '
                'divides: set sharding=False, or use EMATeacherHook (PrevMatch: '
                "model.guidance='ema')."
            )
    model = student(runner)
    if not isinstance(model, SemiSegmentor):
        raise ValueError(
            f'sharding=True trains the methods of mmsemi, not model.type='
            f'{type(model).__name__!r}: use Supervised, or set sharding=False.'
        )
    if own := [name for name, _ in model.named_parameters(recurse=False)]:
        raise ValueError(
            f'{type(model).__name__} has weights outside of its layers, which '
            f'sharding=True cannot gather: {", ".join(own)}. Move them into a '
            'module that the method calls, or set sharding=False.'
        )


def prepare(model: nn.Module, cfg: dict) -> nn.Module:
    """Move a network to its device in place of wrapping it; shares come later.

    They are cut after its weights are initialized, so that these are those of
    a run without sharding.
    """
    if get_device() == 'cpu':
        warn_of_batch_norm()
    elif cfg.get('sync_bn'):
        model = convert_sync_batchnorm(model, cfg['sync_bn'])
    return model.to(get_device())


def shard(runner: Runner) -> None:
    """Cut the weights of a run's network and teacher to the share of this process.

    Args:
        runner (Runner): Its network is initialized, its optimizer is built and
            has not made a step.

    Raises:
        ValueError: The optimizer cannot update shares.
    """
    if not isinstance(runner.optim_wrapper, OptimWrapper):
        raise ValueError(
            'sharding=True takes a single optimizer, not an '
            f'{type(runner.optim_wrapper).__name__}: set sharding=False.'
        )
    model, optimizer = student(runner), runner.optim_wrapper.optimizer
    if isinstance(optimizer, SGD) and optimizer.defaults['fused']:
        raise ValueError(
            'PyTorch has no fused SGD for sharding=True: set '
            'optim_wrapper.optimizer.fused=False, which changes results only by '
            'rounding.'
        )
    names = {id(weight): name for name, weight in model.named_parameters()}
    mesh = init_device_mesh(get_device(), (get_world_size(),))
    _shard_network(model, mesh)
    weights = dict(model.named_parameters())
    for group in optimizer.param_groups:
        group['params'] = [weights[names[id(whole)]] for whole in group['params']]
    optimizer.register_load_state_dict_pre_hook(load_moments)
    if getattr(runner.train_dataloader.sampler, 'partner', 'in_batch') != 'in_batch':
        model.register_forward_pre_hook(_with_partner, with_kwargs=True)
    for hook in _teacher_hooks(runner):
        _shard_network(hook.teacher, mesh)
        hook.average_in_place()
    runner.register_hook(ShardingHook())


def _shard_network(model: nn.Module, mesh: DeviceMesh) -> None:
    """Gather the weights of each block together, and of each part around them.

    Parts are what a method calls: it calls neither itself nor its teacher.
    """
    parts = _parts(model)
    for part in parts:  # or it warns of features that are views, which DINOv2's are
        part.register_forward_hook(_contiguous)
    for layer in (*blocks(model), *parts):
        fully_shard(layer, mesh=mesh, reshard_after_forward=True)
    model.register_load_state_dict_pre_hook(load_weights)


def _parts(model: nn.Module) -> list[nn.Module]:
    """Return the layers directly below the networks that train, with weights."""
    trained = networks(model).values()
    return [
        part
        for network in trained
        for part in network.children()
        if part not in trained and any(True for _ in part.parameters())
    ]


def units_of(model: nn.Module) -> list[list[nn.Parameter]]:
    """Return the weights of a network that sharding would gather together."""
    known: set[int] = set()
    found = []
    for layer in (*blocks(model), *_parts(model)):
        own = [weight for weight in layer.parameters() if id(weight) not in known]
        known.update(map(id, own))
        found.append(own)
    return found


def share_shape(weight: Tensor, processes: int) -> tuple[int, ...]:
    """Return the shape of the largest share of a weight: rows are divided."""
    return (-(-weight.shape[0] // processes), *weight.shape[1:])


@contextmanager
def whole_checkpoint(runner: Runner, optimizer: bool = True) -> Iterator[None]:
    """Let a run save a whole checkpoint in the block, which all processes enter.

    Args:
        runner (Runner): Nothing happens if it has no shares.
        optimizer (bool): Whether the checkpoint holds the optimizer's state.
            Defaults to True.
    """
    if not units(student(runner)):
        yield
        return
    moments = runner.optim_wrapper.optimizer if optimizer else None
    with whole_states(_networks(runner), moments):
        yield


def _contiguous(part: nn.Module, args: tuple, output: Any) -> Any:
    return tree_map_only(Tensor, Tensor.contiguous, output)


def _with_partner(model: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """Add a partner that no box takes from to a batch that needs none.

    Methods predict partners in a pass of their own: all processes have to make
    as many.
    """
    inputs = kwargs.get('inputs')
    if kwargs.get('mode') == 'loss' and 'partner' not in inputs:
        unlabeled = inputs.get('unlabeled', {})
        partner = {k: unlabeled[k] for k in unlabeled if k != 'boxes'}
        if partner:
            partner = tree_map_only(Tensor, lambda images: images[:1], partner)
            kwargs = dict(kwargs, inputs=dict(inputs, partner=partner))
    return args, kwargs


def _teacher_hooks(runner: Runner) -> list[EMATeacherHook]:
    return [hook for hook in runner.hooks if isinstance(hook, EMATeacherHook)]


def _networks(runner: Runner) -> list[nn.Module]:
    return [student(runner), *(hook.teacher for hook in _teacher_hooks(runner))]


class ShardingHook(Hook):
    """Evaluate with whole weights, as images may need unlike numbers of windows.

    Also lets ``fully_shard`` forget, before a step, the forward passes outside
    of it: without a backward pass, as those of a teacher, it remembers them for
    ever.
    """

    priority = 'VERY_HIGH'  # before hooks predict, and before any checkpoint

    def __init__(self) -> None:
        self._whole = ExitStack()

    def before_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        """Forget earlier forward passes."""
        for model in _networks(runner):
            for part in _parts(model):
                with suppress(AttributeError):  # it has not computed yet
                    part.reset_iter_state()

    def before_val_epoch(self, runner: Runner) -> None:
        """Gather the weights."""
        self._whole.enter_context(whole_weights(*_networks(runner)))

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Free all but the share of this process."""
        self._whole.close()

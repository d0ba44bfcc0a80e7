"""Give a resumed run the schedule that its config describes."""

import warnings
from collections import Counter
from typing import Any

from mmengine.optim import OptimWrapperDict
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch.optim import Optimizer

from mmsemi.utils.compat import ParamScheduler

# State that a schedule changes while it runs; the rest are its settings.
PROGRESS = {
    'last_step',
    '_global_step',
    '_last_value',
    'best',
    'cooldown_counter',
    'num_bad_epochs',
    'base_values',  # compared as the optimizer's initial values
}
# State that depends on the end of a schedule.
DERIVED = {'total_iters', 'total_steps', 'T_max', '_schedule_phases'}
# Settings of an optimizer that change how it computes, but not the result.
IMPLEMENTATION = {'capturable', 'differentiable', 'foreach', 'fused'}
# Settings that releases of PyTorch added.
ADDED = IMPLEMENTATION | {'decoupled_weight_decay', 'maximize'}


def follow_config(runner: Runner, checkpoint: dict[str, Any], filename: str) -> None:
    """Bring a checkpoint's schedule and optimizer settings to those of the config.

    MMEngine restores both from the checkpoint, with the length and the learning
    rates of the training that wrote it.  If the config describes others, the
    schedules are computed anew up to the step of the checkpoint: from there on,
    learning rates are bit-identical to those of a run that had these settings
    from its start.  If nothing changed, the checkpoint is not changed either.

    Args:
        runner (Runner): It has built its loop, optimizer and schedules and
            loads the checkpoint next.
        checkpoint (dict): Changed in place; its ``meta`` names the step to
            resume from.
        filename (str): The checkpoint, for messages.

    Raises:
        ValueError: The optimizer is another one, or a schedule depends on the
            scores so far and cannot be computed anew.
    """
    wrapper = runner.optim_wrapper
    if isinstance(wrapper, OptimWrapperDict) or 'optimizer' not in checkpoint:
        return
    schedulers = runner.param_schedulers or []
    saved = _match_groups(wrapper.optimizer, checkpoint['optimizer'], filename)
    states = checkpoint.get('param_schedulers', [])
    iteration, epoch = checkpoint['meta']['iter'], checkpoint['meta']['epoch']
    changes = _schedule_changes(schedulers, states)
    changes += _settings_changes(schedulers, saved)
    misplaced = any(
        state['_global_step'] != (epoch if state['by_epoch'] else iteration)
        for scheduler, state in zip(schedulers, states, strict=False)
        if not _by_scores(scheduler)
    )
    if not changes and not misplaced:
        return
    if any(map(_by_scores, schedulers)):
        _only_longer(schedulers, states, changes, filename)
        return
    before = _rates(saved)
    _advance(runner, schedulers, iteration, epoch)
    if schedulers:
        checkpoint['param_schedulers'] = [s.state_dict() for s in schedulers]
    base = checkpoint['optimizer'].get('base_param_settings')
    tracked = [(base, wrapper.base_param_settings)] if base else []
    for group, fresh in (*saved, *tracked):
        params = group['params']
        group.clear()
        group.update(fresh, params=params)
    if changes:
        runner.logger.warning(
            f'{filename} was written with other settings of the schedule or the '
            f'optimizer: {"; ".join(changes)}. From iteration {iteration} on, these '
            'and the learning rate are those of a run with the present settings '
            f'from its start: learning rate {_rates(saved)} (it was {before}).'
        )


def _match_groups(
    optimizer: Optimizer, state: dict, filename: str
) -> list[tuple[dict, dict]]:
    """Pair the groups of parameters of a checkpoint with those of the optimizer."""
    saved, fresh = state['param_groups'], optimizer.param_groups
    sizes = [[len(group['params']) for group in groups] for groups in (saved, fresh)]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f'{filename} cannot be resumed from: its optimizer has groups of '
            f'{sizes[0]} parameters, that of the config {sizes[1]}. The network or '
            'optim_wrapper (constructor, paramwise_cfg) changed: change it back, or '
            'use load_from instead of --resume.'
        )
    missing = optimizer.defaults.keys() - saved[0].keys() - ADDED
    if missing:
        raise ValueError(
            f'{filename} cannot be resumed from: it was written with another '
            f'optimizer than {type(optimizer).__name__}, without '
            f'{", ".join(sorted(missing))}. Set optim_wrapper.optimizer back, or use '
            'load_from instead of --resume.'
        )
    return list(zip(saved, fresh, strict=True))


def _schedule_changes(
    schedulers: list[ParamScheduler], states: list[dict]
) -> list[str]:
    """Describe how schedules differ from those of a checkpoint."""
    if len(schedulers) != len(states):
        return [f'number of schedules {len(states)}, now {len(schedulers)}']
    changes = []
    for i, (scheduler, old) in enumerate(zip(schedulers, states, strict=True)):
        new = scheduler.state_dict()
        if old.keys() - PROGRESS != {k for k in new if not callable(new[k])} - PROGRESS:
            changes.append(f'param_scheduler[{i}] is now {type(scheduler).__name__}')
            continue
        changed = {key for key in old.keys() - PROGRESS if old[key] != new[key]}
        if 'end' in changed:
            changed -= DERIVED
        changes += [
            f'param_scheduler[{i}].{key} {_text(old[key])}, now {_text(new[key])}'
            for key in sorted(changed)
        ]
    return changes


def _settings_changes(
    schedulers: list[ParamScheduler], saved: list[tuple[dict, dict]]
) -> list[str]:
    """Describe how the optimizer's settings differ from those of a checkpoint."""
    names = {scheduler.param_name for scheduler in schedulers}
    own = {'params', *names, *(f'{m}_{n}' for m in ('max', 'min') for n in names)}
    return sorted(
        {
            f'{key} {_text(group[key])}, now {_text(fresh[key])}'
            for group, fresh in saved
            for key in group.keys() & fresh.keys() - own - IMPLEMENTATION
            if group[key] != fresh[key]
        }
    )


def _only_longer(
    schedulers: list[ParamScheduler],
    states: list[dict],
    changes: list[str],
    filename: str,
) -> None:
    """Follow the new end of a schedule by scores; refuse all other changes."""
    ends = [
        f'param_scheduler[{i}].end {state["end"]}, now {scheduler.end}'
        for i, (scheduler, state) in enumerate(zip(schedulers, states, strict=False))
        if _by_scores(scheduler)
    ]
    others = [change for change in changes if change not in ends]
    if others:
        raise ValueError(
            f'{filename} cannot be resumed from with these settings: a schedule '
            'depends on the scores so far, which another run would not have had. '
            f'Changed: {"; ".join(others)}. Set them back, or use load_from instead '
            'of --resume.'
        )
    for scheduler, state in zip(schedulers, states, strict=True):
        if _by_scores(scheduler):
            state['end'] = scheduler.end


def _advance(
    runner: Runner, schedulers: list[ParamScheduler], iteration: int, epoch: int
) -> None:
    """Step new schedules as a run up to this place does."""
    loop = runner.train_loop
    by_epoch = isinstance(loop, EpochBasedTrainLoop)
    length = len(loop.dataloader)
    with warnings.catch_warnings():  # that the optimizer does not step
        warnings.simplefilter('ignore', UserWarning)
        for step in range(1, iteration + 1):
            ended = by_epoch and step % length == 0 and step // length <= epoch
            for scheduler in schedulers:
                if not scheduler.by_epoch:
                    scheduler.step()
            for scheduler in schedulers if ended else ():
                if scheduler.by_epoch:
                    scheduler.step()


def _text(value: Any) -> str:
    """Write a setting for a message."""
    if isinstance(value, Counter):  # milestones
        return str(sorted(value.elements()))
    return f'{value:.4g}' if isinstance(value, float) else str(value)


def _by_scores(scheduler: ParamScheduler) -> bool:
    return getattr(scheduler, 'need_val_args', False)


def _rates(saved: list[tuple[dict, dict]]) -> str:
    """Write the learning rates of the groups of a checkpoint, each once."""
    return ' and '.join(dict.fromkeys(f'{group["lr"]:.4g}' for group, _ in saved))

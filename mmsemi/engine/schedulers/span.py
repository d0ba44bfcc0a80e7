"""Let schedules span the whole training."""

from fractions import Fraction
from typing import Any

from mmengine.optim.scheduler.param_scheduler import INF
from mmengine.runner import BaseLoop, IterBasedTrainLoop

from mmsemi.utils.compat import ParamScheduler

from .loop_units import named_schedulers


def span_training(schedulers: Any, loop: BaseLoop) -> None:
    """Complete the end of the schedules of a config, and check their beginning.

    MMEngine ends a schedule without ``end`` together with the training.  But if
    training is by iterations and a schedule in epochs is converted, it treats
    the training as one epoch.

    Args:
        schedulers: ``param_scheduler`` of a config, which is changed in place.
        loop (BaseLoop): The train loop.

    Raises:
        ValueError: A schedule would begin after the training.
    """
    for name, scheduler in named_schedulers(schedulers):
        convert = scheduler.get('convert_to_iter_based', False)
        if convert and isinstance(loop, IterBasedTrainLoop):
            # In epochs; a fraction, so that the conversion to iterations is exact.
            length = Fraction(loop.max_iters, len(loop.dataloader))
        elif scheduler.get('by_epoch', True):
            length = loop.max_epochs
        else:
            length = loop.max_iters
        scheduler.setdefault('end', length)
        unit = 'epoch' if scheduler.get('by_epoch', True) else 'iteration'
        begin = scheduler.get('begin', 0)
        if begin >= scheduler['end']:
            raise ValueError(
                f'{name} ({scheduler["type"]}) begins at {unit} {begin}, but ends '
                f'at {float(scheduler["end"]):g}: the training is too short for '
                'it. Train longer (train_cfg), or let it and the warm-up before it '
                f'begin and end earlier ({name}.begin, .end).'
            )


def unspanned(schedulers: Any, loop: BaseLoop) -> list[str]:
    """Describe schedules that do not end with the training.

    Args:
        schedulers (list[ParamScheduler]): Schedules that have been built.
        loop (BaseLoop): The train loop.

    Returns:
        list[str]: A sentence for each: a schedule that training ends before,
        milestones that it does not reach, and a decay that is over before the
        training is.
    """
    if not isinstance(schedulers, list):
        return []
    found = []
    for i, scheduler in enumerate(schedulers):
        total, unit = _length(scheduler, loop)
        name = f'param_scheduler[{i}] ({type(scheduler).__name__})'
        if total < scheduler.end < INF:
            found.append(
                f'{name} ends at {unit} {scheduler.end}, but the training at '
                f'{total}: it is not followed to its end.'
            )
        late = [m for m in getattr(scheduler, 'milestones', ()) if m >= total]
        if late:
            found.append(
                f'{name} has milestones that the training of {total} {unit}s does '
                f'not reach: {", ".join(map(str, sorted(late)))}.'
            )
        decays = hasattr(scheduler, 'eta_min') or hasattr(scheduler, 'total_steps')
        if decays and all(
            _end(other, loop) < loop.max_iters
            for other in schedulers
            if other.param_name == scheduler.param_name
        ):
            found.append(
                f'{name} ends at {unit} {scheduler.end}, but the training at '
                f'{total}: the {scheduler.param_name} stays at its last value in '
                'between. Without `end` it spans the training.'
            )
    return found


def _length(scheduler: ParamScheduler, loop: BaseLoop) -> tuple[int, str]:
    """Return the length of the training in the unit of a schedule, and its name."""
    if scheduler.by_epoch:
        return loop.max_epochs, 'epoch'
    return loop.max_iters, 'iteration'


def _end(scheduler: ParamScheduler, loop: BaseLoop) -> int:
    """Return the iteration at which a schedule ends."""
    if scheduler.by_epoch and not isinstance(loop, IterBasedTrainLoop):
        return scheduler.end * len(loop.dataloader)
    return INF if scheduler.by_epoch else scheduler.end

"""Validations that a kill left undone."""

import os.path as osp

from mmengine.dist import broadcast_object_list, is_main_process, master_only
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop

from mmsemi.registry import HOOKS
from mmsemi.utils.files import write_whole


@HOOKS.register_module()
class OwedValidationHook(Hook):
    """Makes up for a validation that a kill came before, or into.

    A checkpoint is written before the validation after its step, and MMEngine
    resumes with the next step: the best score and its checkpoint might be
    missed, for good if the step was the last.  A resumed run therefore begins
    with that validation, unless it is known to be over.
    """

    priority = 'LOWEST'  # after CheckpointHook: what it does is over then

    def __init__(self) -> None:
        self._owed = False

    def before_train(self, runner) -> None:
        self._owed = (
            runner.val_loop is not None
            and _due(runner)
            and self._last_validated(runner) != str(runner.iter)
        )
        if self._owed:
            runner.logger.info(
                f'Validating after step {runner.iter}, which '
                'the interrupted run had not.'
            )
            runner.val_loop.run()
            self._owed = False

    @master_only
    def after_val_epoch(self, runner, metrics: dict) -> None:
        # The checkpoint does not know of one made up for: it stays owed.
        if not self._owed:
            write_whole(self._file(runner), str(runner.iter).encode())

    def _file(self, runner) -> str:
        return osp.join(runner.work_dir, 'last_validation')

    def _last_validated(self, runner) -> str:
        """The steps before the last validation, as process 0 knows them."""
        steps = ['']
        if is_main_process() and osp.isfile(self._file(runner)):
            with open(self._file(runner)) as file:
                steps = [file.read()]
        broadcast_object_list(steps)
        return steps[0]


def _due(runner) -> bool:
    """Whether a validation is to follow the last step."""
    loop = runner.train_loop
    if isinstance(loop, IterBasedTrainLoop):
        done, end = runner.iter, loop.max_iters
    elif runner.iter == runner.epoch * len(loop.dataloader):
        done, end = runner.epoch, loop.max_epochs
    else:  # inside an epoch
        return False
    return (
        done > 0
        and done >= loop.val_begin
        and (done % loop.val_interval == 0 or done == end)
    )

"""Run validations that a kill prevented."""

import os.path as osp

from mmengine.dist import broadcast_object_list, is_main_process, master_only
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner

from mmsemi.registry import HOOKS
from mmsemi.utils.files import write_whole


@HOOKS.register_module()
class OwedValidationHook(Hook):
    """Run the validation that a kill prevented, before a resumed run trains.

    A checkpoint is written before the validation of its step, and MMEngine
    resumes with the next step: without this hook the best score and its
    checkpoint might be missed, for good if the step was the last.

    A validation that was completed is not repeated, unless a hook needs its
    outcome and the checkpoint does not hold it: such a hook returns True from
    a method ``lacks_validation(runner)``, as :class:`PreviousModelsHook` does.
    """

    priority = 'LOWEST'  # after CheckpointHook: its part is done by then

    def __init__(self) -> None:
        self._owed = False

    def before_train(self, runner: Runner) -> None:
        """Run the validation if it is owed."""
        self._owed = (
            runner.val_loop is not None
            and _due(runner)
            and (
                self._last_validated(runner) != str(runner.iter)
                or any(
                    hook.lacks_validation(runner)
                    for hook in runner.hooks
                    if hasattr(hook, 'lacks_validation')
                )
            )
        )
        if self._owed:
            runner.logger.info(
                f'Running the validation after step {runner.iter}, which the '
                'interrupted run had not completed.'
            )
            runner.val_loop.run()
            self._owed = False

    @master_only
    def after_val_epoch(self, runner: Runner, metrics: dict[str, float]) -> None:
        """Note that the validation of this step is complete."""
        # The checkpoint that the run resumed from lacks the outcome of an owed
        # validation: another resume from it has to run the validation again.
        if not self._owed:
            write_whole(self._file(runner), str(runner.iter).encode())

    def _file(self, runner: Runner) -> str:
        return osp.join(runner.work_dir, 'last_validation')

    def _last_validated(self, runner: Runner) -> str:
        """Read, on process 0, after how many steps the last validation was."""
        steps = ['']
        if is_main_process() and osp.isfile(self._file(runner)):
            with open(self._file(runner)) as file:
                steps = [file.read()]
        broadcast_object_list(steps)
        return steps[0]


def _due(runner: Runner) -> bool:
    """Check whether the config has a validation after the last step."""
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

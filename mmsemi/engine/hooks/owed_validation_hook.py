"""Validations that a kill left undone."""
import os.path as osp

from mmengine.dist import master_only
from mmengine.hooks import Hook

from mmsemi.registry import HOOKS
from mmsemi.utils.files import write_whole


@HOOKS.register_module()
class OwedValidationHook(Hook):
    """Makes up for a validation that a kill came before, or into.

    A checkpoint is written before the validation of its epoch, and MMEngine
    resumes with the next one: the best score and its checkpoint might be
    missed, for good if the epoch was the last.  A resumed run therefore
    begins with that validation, unless it is known to be over.
    """

    priority = 'LOWEST'  # after CheckpointHook: what it does is over then

    def __init__(self) -> None:
        self._owed = False

    def before_train(self, runner) -> None:
        loop = runner.train_loop
        self._owed = (
            runner.val_loop is not None and runner.epoch > 0
            and runner.iter == runner.epoch * len(loop.dataloader)
            and runner.epoch >= loop.val_begin
            and (runner.epoch % loop.val_interval == 0
                 or runner.epoch == loop.max_epochs)
            and self._last_validated(runner) != str(runner.epoch))
        if self._owed:
            runner.logger.info(f'Validating epoch {runner.epoch}, which the '
                               'interrupted run had not.')
            runner.val_loop.run()
            self._owed = False

    @master_only
    def after_val_epoch(self, runner, metrics: dict) -> None:
        # The checkpoint does not know of one made up for: it stays owed.
        if not self._owed:
            write_whole(self._file(runner), str(runner.epoch).encode())

    def _file(self, runner) -> str:
        return osp.join(runner.work_dir, 'last_validation')

    def _last_validated(self, runner) -> str:
        if not osp.isfile(self._file(runner)):
            return ''
        with open(self._file(runner)) as file:
            return file.read()

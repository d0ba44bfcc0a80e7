"""Report training files that cannot be used and were skipped."""

import json
import os.path as osp

from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmsemi.registry import HOOKS
from mmsemi.utils.files import write_whole


@HOOKS.register_module()
class CorruptFilesHook(Hook):
    """Count and list the files that a data set has skipped.

    Active if ``max_corrupt=N`` of :class:`mmsemi.datasets.SemiSegDataset` is
    set.  Every ``interval`` steps and at the end of an epoch, the processes
    exchange the files that they have skipped; a file counts once, in a resumed
    run too.  ``corrupt_files.json`` in the work dir says what is wrong with
    each file, the scalar ``train/corrupt_files`` counts them.  More than N
    files end the run on all processes.

    Args:
        interval (int): Steps between two collections.  Defaults to 50.
    """

    priority = 'ABOVE_NORMAL'  # before LoggerHook

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval
        self._found: dict[str, str] = {}
        self._met: dict[str, str] = {}

    def _file(self, runner: Runner) -> str:
        return osp.join(runner.work_dir, 'corrupt_files.json')

    def before_train(self, runner: Runner) -> None:
        """Read the limit and, on resume, the files found so far."""
        self._limit = getattr(runner.train_dataloader.dataset, 'max_corrupt', 0)
        if runner.iter and osp.isfile(self._file(runner)):
            with open(self._file(runner), encoding='utf-8') as file:
                self._found = json.load(file)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Note the files that this batch skipped."""
        if self._limit:
            self._met.update(data_batch.get('corrupt', {}))

    def after_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        """Collect the files every ``interval`` steps."""
        if self._limit and self.every_n_train_iters(runner, self.interval):
            self._collect(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Collect the files."""
        if self._limit:
            self._collect(runner)

    def _collect(self, runner: Runner) -> None:
        """Collect and report the files that all processes have skipped.

        Raises:
            RuntimeError: There are more than ``max_corrupt``.
        """
        known = len(self._found)
        for met in all_gather_object(self._met):
            self._found.update(met)
        self._met = {}
        runner.message_hub.update_scalar('train/corrupt_files', len(self._found))
        if len(self._found) == known:
            return
        if is_main_process():
            write_whole(self._file(runner), json.dumps(self._found, indent=1).encode())
        message = (
            f'{len(self._found)} training files cannot be used and were skipped: '
            f'{self._file(runner)} names them. Download them again, or remove '
            'them from the lists.'
        )
        if len(self._found) > self._limit:
            raise RuntimeError(
                f'{message} These are more than max_corrupt={self._limit}.'
            )
        runner.logger.warning(message)

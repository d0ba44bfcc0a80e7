"""Training files that cannot be used, left out and told of."""

import json
import os.path as osp

from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook

from mmsemi.registry import HOOKS
from mmsemi.utils.files import write_whole


@HOOKS.register_module()
class CorruptFilesHook(Hook):
    """Counts and lists the files that a data set has left out.

    With ``max_corrupt=N`` of :class:`mmsemi.datasets.SemiSegDataset`.  At
    every ``interval``-th step and at the end of an epoch the processes put
    together what they met; each file counts once, in a resumed run too.
    ``corrupt_files.json`` of the work dir says what is wrong with which file,
    the scalar ``train/corrupt_files`` how many there are.  More than N end
    the run on all processes.

    Args:
        interval (int): Defaults to 50.
    """

    priority = 'ABOVE_NORMAL'  # before the step is logged

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval
        self._found: dict[str, str] = {}
        self._met: dict[str, str] = {}

    def _file(self, runner) -> str:
        return osp.join(runner.work_dir, 'corrupt_files.json')

    def before_train(self, runner) -> None:
        self._limit = getattr(runner.train_dataloader.dataset, 'max_corrupt', 0)
        if runner.iter and osp.isfile(self._file(runner)):
            with open(self._file(runner), encoding='utf-8') as file:
                self._found = json.load(file)

    def before_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        if self._limit:
            self._met.update(data_batch.get('corrupt', {}))

    def after_train_iter(
        self,
        runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        if self._limit and self.every_n_train_iters(runner, self.interval):
            self._settle(runner)

    def after_train_epoch(self, runner) -> None:
        if self._limit:
            self._settle(runner)

    def _settle(self, runner) -> None:
        """Put together what all processes met.

        Raises:
            RuntimeError: That are too many.
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
            f'{len(self._found)} training files cannot be used and '
            f'were left out: {self._file(runner)} names them. Fetch '
            'them again, or take them out of the lists.'
        )
        if len(self._found) > self._limit:
            raise RuntimeError(
                f'{message} These are more than max_corrupt={self._limit}.'
            )
        runner.logger.warning(message)

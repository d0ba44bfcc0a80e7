"""Record the scores of every validation."""

import json
import os.path as osp

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner

from mmsemi.registry import HOOKS
from mmsemi.utils.files import write_whole

from .best_score import best_score


@HOOKS.register_module()
class ResultsHook(Hook):
    """Record every validation's scores in ``results.json`` of the work dir.

    After training, the best and the last score are logged together: published
    numbers are those of the epoch that is best on the validation set, the
    last score is not chosen on it.  A resumed run continues the file.

    Args:
        key (str, optional): The score to compare, larger is better.  Defaults
            to None: the one that chooses the best checkpoint.
    """

    priority = 'LOW'

    def __init__(self, key: str | None = None) -> None:
        self.key = key

    def _file(self, runner: Runner) -> str:
        return osp.join(runner.work_dir, 'results.json')

    def _read(self, runner: Runner) -> list[dict[str, float]]:
        if not osp.isfile(self._file(runner)):
            return []
        with open(self._file(runner)) as file:
            return json.load(file)

    @master_only
    def before_train(self, runner: Runner) -> None:
        """Remove the scores of another run, or of steps that are trained again."""
        unit, _, done = self._now(runner)
        rows = self._read(runner)
        self._write(runner, [row for row in rows if row[unit] <= done])

    @master_only
    def after_val_epoch(self, runner: Runner, metrics: dict[str, float]) -> None:
        """Add the scores."""
        row = dict(epoch=runner.epoch, iter=runner.iter)
        row.update({key: float(value) for key, value in metrics.items()})
        # A repeated validation replaces its row.
        unit, _, done = self._now(runner)
        rows = [r for r in self._read(runner) if r[unit] != done]
        self._write(runner, [*rows, row])

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Log the best and the last score."""
        key, rule = (self.key, 'greater') if self.key else best_score(runner)
        rows = [row for row in self._read(runner) if key in row]
        if not rows:
            return
        choose = min if rule == 'less' else max
        best, last = choose(rows, key=lambda row: row[key]), rows[-1]
        unit, name, _ = self._now(runner)
        runner.logger.info(
            f'{key}: best {best[key]:.2f} ({name} {best[unit]}, '
            f'chosen on the validation set), last {last[key]:.2f} '
            f'({name} {last[unit]}).'
        )

    def _now(self, runner: Runner) -> tuple[str, str, int]:
        """Return key and name of the unit that the training counts, and how many."""
        if isinstance(runner.train_loop, IterBasedTrainLoop):
            return 'iter', 'iteration', runner.iter
        return 'epoch', 'epoch', runner.epoch

    def _write(self, runner: Runner, rows: list[dict[str, float]]) -> None:
        write_whole(self._file(runner), json.dumps(rows, indent=1).encode())

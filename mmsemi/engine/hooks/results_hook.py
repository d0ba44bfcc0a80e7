"""Record the scores of every validation and test."""

import json
import math
import os.path as osp
from typing import Any

from mmengine.dist import master_only
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner

from mmsemi.evaluation import find_confusion, scores_of_all, scores_of_classes
from mmsemi.registry import HOOKS
from mmsemi.utils.files import write_whole

from .best_score import best_score

VALIDATIONS, TESTS = 'results.json', 'test_results.json'
INLINE = 40  # classes whose confusion matrix is in these files themselves


@HOOKS.register_module()
class ResultsHook(Hook):
    """Record every validation's scores in ``results.json`` of the work dir.

    It is a list with an entry for each validation: ``epoch``, ``iter``, the
    scores, under ``classes`` those of every class, and ``confusion``, the pixels
    of every class (rows) that were predicted as each class (columns).  A score
    with nothing to divide by is null.  With more than 40 classes the matrix has
    a file of its own in the folder ``confusion``, which the entry names.  A
    resumed run continues the file.  A test adds an entry to
    ``test_results.json``: ``checkpoint``, and the same scores.

    After training, the best and the last score are logged together: published
    numbers are those of the epoch that is best on the validation set, the
    last score is not chosen on it.

    Args:
        key (str, optional): The score to compare, larger is better.  Defaults
            to None: the one that chooses the best checkpoint.
    """

    priority = 'LOW'

    def __init__(self, key: str | None = None) -> None:
        self.key = key

    @master_only
    def before_train(self, runner: Runner) -> None:
        """Remove the scores of another run, or of steps that are trained again."""
        unit, _, done = self._now(runner)
        file = osp.join(runner.work_dir, VALIDATIONS)
        _write(file, [row for row in _read(file) if row[unit] <= done])

    @master_only
    def after_val_epoch(self, runner: Runner, metrics: dict[str, float]) -> None:
        """Add the scores of a validation."""
        unit, _, done = self._now(runner)
        row = dict(
            epoch=runner.epoch,
            iter=runner.iter,
            **_scores(
                metrics, runner.val_loop.evaluator, runner.work_dir, f'{unit}_{done}'
            ),
        )
        # A repeated validation replaces its row.
        file = osp.join(runner.work_dir, VALIDATIONS)
        _write(file, [*(r for r in _read(file) if r[unit] != done), row])

    @master_only
    def after_test_epoch(self, runner: Runner, metrics: dict[str, float]) -> None:
        """Add the scores of a test."""
        row = dict(
            checkpoint=runner.cfg.get('load_from'),
            **_scores(
                metrics,
                runner.test_loop.evaluator,
                runner.work_dir,
                f'test_{runner.timestamp}',
            ),
        )
        file = osp.join(runner.work_dir, TESTS)
        _write(file, [*_read(file), row])

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Log the best and the last score."""
        key, rule = (self.key, 'greater') if self.key else best_score(runner)
        rows = _read(osp.join(runner.work_dir, VALIDATIONS))
        rows = [row for row in rows if row.get(key) is not None]
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


def _scores(
    metrics: dict[str, float], evaluator: Evaluator, folder: str, name: str
) -> dict[str, Any]:
    """Return scores, those of classes, and the confusion matrix or its file."""
    row: dict[str, Any] = {
        key: None if math.isnan(value) else float(f'{value:.7g}')  # as exact as float32
        for key, value in scores_of_all(metrics).items()
    }
    if classes := scores_of_classes(metrics):
        row['classes'] = classes
    if (metric := find_confusion(evaluator)) is not None:
        matrix = metric.confusion.tolist()
        if len(matrix) > INLINE:
            content = dict(classes=metric.dataset_meta['classes'], confusion=matrix)
            file = f'confusion/{name}.json'
            write_whole(osp.join(folder, file), json.dumps(content).encode())
        row['confusion'] = matrix if len(matrix) <= INLINE else file
    return row


def _read(file: str) -> list[dict[str, Any]]:
    if not osp.isfile(file):
        return []
    with open(file) as stream:
        return json.load(stream)


def _write(file: str, rows: list[dict[str, Any]]) -> None:
    lines = ',\n'.join(' ' + json.dumps(row) for row in rows)  # one each
    write_whole(file, f'[\n{lines}\n]\n'.encode())

"""Checkpoints of which there is always one."""

import os
import os.path as osp
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import CheckpointHook

from mmsemi.registry import HOOKS
from mmsemi.utils.checkpoint import read_checkpoint
from mmsemi.utils.files import write_whole

from .preemption_hook import CHECKPOINT as INTERRUPTED

SUPERSEDED = 'superseded'


class _View:
    """An object as it is, but for some attributes."""

    def __init__(self, seen: Any, **others) -> None:
        self.__dict__.update(others, _seen=seen)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._seen, name)


@HOOKS.register_module()
class WholeCheckpointHook(CheckpointHook):
    """MMEngine's hook, which a kill leaves with a checkpoint at any moment.

    Old checkpoints, and the best one before, are removed when the new one is
    written, not before; ``last_checkpoint`` moves in one step.  What a kill
    left undone in between is done on resume: a checkpoint names those that
    it supersedes.  ``interrupted.pth`` goes with the first checkpoint of the
    run that was resumed from it.  Nothing is removed in other folders than
    the run's own.

    Args: as in :class:`mmengine.hooks.CheckpointHook`.
    """

    def before_train(self, runner) -> None:
        self._removals: list[tuple[Callable, str]] = []
        super().before_train(runner)
        self._folders = {
            osp.realpath(folder) for folder in (self.out_dir, runner.work_dir)
        }
        backend = self.file_backend
        self.file_backend = _View(
            backend,
            remove=lambda path: self._removals.append((backend.remove, path)),
            rmtree=lambda path: self._removals.append((backend.rmtree, path)),
        )
        if is_main_process():
            # What a kill interrupted; the hook is alone in its folders.
            for folder in self._folders:
                for part in Path(folder).glob('.*.part'):
                    part.unlink()
        self._resumed = None
        if runner._resume and runner._load_from:
            resumed = osp.realpath(runner._load_from)
            if osp.dirname(resumed) in self._folders:
                self._resumed = resumed
                self._finish_killed(runner)

    def _finish_killed(self, runner) -> None:
        """Do what a kill left undone, now that the run goes on."""
        info = runner.message_hub.runtime_info
        superseded = map(osp.basename, info.pop(SUPERSEDED, ()))
        self._put_off(
            *(
                osp.join(folder, name)
                for name in superseded
                for folder in self._folders
                if osp.join(folder, name) != self._resumed
            )
        )
        if self.save_best and len(self.key_indicators) == 1:
            best = [None]
            if is_main_process():
                best = [self._unknown_best(runner)]
            broadcast_object_list(best)
            if best[0]:
                self._put_off(self.best_ckpt_path or '')
                runner.message_hub.update_info_dict(best[0])
                self.best_ckpt_path = best[0]['best_ckpt']
        self._remove()

    def _unknown_best(self, runner) -> dict | None:
        """Of the best checkpoint that the last one could not know of."""
        step = runner.epoch if self.by_epoch else runner.iter
        name = f'best_{self.key_indicators[0]}_' + self.filename_tmpl.format(step)
        file = Path(self.out_dir, name.replace('/', '_'))
        if (
            not file.is_file()
            or file.stat().st_mtime_ns < os.stat(self._resumed).st_mtime_ns
        ):
            return None
        try:
            info = read_checkpoint(file)['message_hub']['runtime_info']
            return dict(best_score=info['best_score'], best_ckpt=str(file))
        except (KeyError, OSError, ValueError):
            return None  # another's

    def after_train_iter(self, runner, *args, **kwargs) -> None:
        super().after_train_iter(runner, *args, **kwargs)
        self._remove()

    def after_train_epoch(self, runner) -> None:
        super().after_train_epoch(runner)
        self._remove()

    def after_val_epoch(self, runner, metrics) -> None:
        super().after_val_epoch(runner, metrics)
        self._remove()

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """What supersedes which; scores as plain, harmless numbers."""
        info = checkpoint['message_hub']['runtime_info']
        info[SUPERSEDED] = [osp.basename(path) for _, path in self._removals]
        for key, value in info.items():
            if isinstance(value, np.generic):
                info[key] = value.item()

    def _put_off(self, *files: str) -> None:
        """Have these removed by the next :meth:`_remove`."""
        if is_main_process():
            for file in files:
                self.file_backend.remove(file)

    def _remove(self) -> None:
        """Carry out what was put off, but for files written anew."""
        keep = {
            osp.realpath(path)
            for path in (
                self.last_ckpt,
                getattr(self, 'best_ckpt_path', None),
                *getattr(self, 'best_ckpt_path_dict', {}).values(),
            )
            if path
        }
        while self._removals:
            remove, path = self._removals.pop(0)
            if (
                osp.realpath(path) not in keep
                and osp.realpath(osp.dirname(path)) in self._folders
                and self.file_backend.exists(path)
            ):
                remove(path)

    def _save_checkpoint_with_step(self, runner, step, meta) -> None:
        if osp.basename(self._resumed or '') == INTERRUPTED:
            self._put_off(self._resumed)
        with tempfile.TemporaryDirectory() as folder:
            super()._save_checkpoint_with_step(
                _View(runner, work_dir=folder), step, meta
            )
        if is_main_process():
            write_whole(
                osp.join(runner.work_dir, 'last_checkpoint'), self.last_ckpt.encode()
            )

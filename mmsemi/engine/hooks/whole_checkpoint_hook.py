"""Checkpoints of which there is always one."""
import os.path as osp
import tempfile
from pathlib import Path
from typing import Any, Callable, List, Tuple

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook

from mmsemi.registry import HOOKS
from mmsemi.utils.files import write_whole


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
    written, not before; ``last_checkpoint`` moves in one step.  A kill
    between writing and removing leaves a file more than asked for.

    Args: as in :class:`mmengine.hooks.CheckpointHook`.
    """

    def before_train(self, runner) -> None:
        self._removals: List[Tuple[Callable, str]] = []
        super().before_train(runner)
        backend = self.file_backend
        self.file_backend = _View(
            backend,
            remove=lambda path: self._removals.append((backend.remove, path)),
            rmtree=lambda path: self._removals.append((backend.rmtree, path)))
        if is_main_process():
            # What a kill interrupted; the hook is alone in its folders.
            for folder in {runner.work_dir, self.out_dir}:
                for part in Path(folder).glob('.*.part'):
                    part.unlink()

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
        """Scores as plain numbers, which any loader takes for harmless."""
        info = checkpoint['message_hub']['runtime_info']
        for key, value in info.items():
            if isinstance(value, np.generic):
                info[key] = value.item()

    def _remove(self) -> None:
        """Carry out what was put off, but for files written anew."""
        keep = {
            self.last_ckpt,
            getattr(self, 'best_ckpt_path', None),
            *getattr(self, 'best_ckpt_path_dict', {}).values()
        }
        while self._removals:
            remove, path = self._removals.pop(0)
            if path not in keep:
                remove(path)

    def _save_checkpoint_with_step(self, runner, step, meta) -> None:
        with tempfile.TemporaryDirectory() as folder:
            super()._save_checkpoint_with_step(
                _View(runner, work_dir=folder), step, meta)
        if is_main_process():
            write_whole(
                osp.join(runner.work_dir, 'last_checkpoint'),
                self.last_ckpt.encode())

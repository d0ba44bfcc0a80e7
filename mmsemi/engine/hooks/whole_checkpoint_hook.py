"""Save checkpoints so that a kill at any moment leaves a complete one."""

import os
import os.path as osp
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.fileio import BaseStorageBackend
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from mmsemi.registry import HOOKS
from mmsemi.utils.arguments import unknown_argument
from mmsemi.utils.checkpoint import read_checkpoint
from mmsemi.utils.compat import resumes_from
from mmsemi.utils.files import write_whole

from .preemption_hook import CHECKPOINT as INTERRUPTED

SUPERSEDED = 'superseded'


class LateRemovals:
    """File backend that records removals instead of performing them.

    Args:
        backend (BaseStorageBackend): Does everything else.

    Attributes:
        noted (list[tuple[Callable, str]]): Functions of the backend that
            remove, and the paths to call them with.
    """

    def __init__(self, backend: BaseStorageBackend) -> None:
        self._backend = backend
        self.noted: list[tuple[Callable, str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, filepath: str) -> None:
        """Note a file."""
        self.noted.append((self._backend.remove, filepath))

    def rmtree(self, dir_path: str) -> None:
        """Note a folder."""
        self.noted.append((self._backend.rmtree, dir_path))


@HOOKS.register_module()
class WholeCheckpointHook(CheckpointHook):
    """Crash-safe CheckpointHook: whenever it is killed, a run leaves a whole one.

    Older checkpoints, and the previous best one, are removed after the new
    one is written instead of before; ``last_checkpoint`` is replaced in one
    step.  What a kill between writing and removing left behind is removed on
    resume: a checkpoint names those that it supersedes.  ``interrupted.pth``
    is removed with the first checkpoint of the run that resumed from it.
    Nothing is removed outside the run's own folders.

    Args: as in :class:`mmengine.hooks.CheckpointHook`.
    """

    file_backend: LateRemovals
    _default_greater_keys = [*CheckpointHook._default_greater_keys, 'mFscore', 'recall']

    def _init_rule(self, rules: list, key_indicators: list[str]) -> None:
        """Find out as MMEngine does whether larger scores are better.

        Raises:
            ValueError: It is unknown for a score.
        """
        try:
            super()._init_rule(rules, key_indicators)
        except (KeyError, ValueError) as error:
            raise ValueError(
                f'default_hooks.checkpoint.save_best={key_indicators} with '
                f'rule={rules}: set default_hooks.checkpoint.rule to greater or less, '
                'whichever is better.'
            ) from error

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.args:  # MMEngine would fail when it saves
            raise unknown_argument(type(self), name)

    def before_train(self, runner: Runner) -> None:
        """Prepare the folders, and finish what a kill interrupted."""
        _find_moved(runner)
        super().before_train(runner)
        self.file_backend = LateRemovals(self.file_backend)
        self._folders = {
            osp.realpath(folder) for folder in (self.out_dir, runner.work_dir)
        }
        if is_main_process():
            # Half-written files: only this run writes to its folders.
            for folder in self._folders:
                for part in Path(folder).glob('.*.part'):
                    part.unlink()
        self._resumed = ''
        if resumed := resumes_from(runner):
            resumed = osp.realpath(resumed)
            if osp.dirname(resumed) in self._folders:
                self._resumed = resumed
                self._finish_interrupted(runner)

    def _finish_interrupted(self, runner: Runner) -> None:
        """Remove what the resumed checkpoint supersedes; adopt a newer best."""
        info = runner.message_hub.runtime_info
        superseded = map(osp.basename, info.pop(SUPERSEDED, ()))
        self._remove_later(
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
                best = [self._newer_best(runner)]
            broadcast_object_list(best)
            if best[0]:
                self._remove_later(self.best_ckpt_path or '')
                runner.message_hub.update_info_dict(best[0])
                self.best_ckpt_path = best[0]['best_ckpt']
        self._remove_noted()

    def _newer_best(self, runner: Runner) -> dict[str, Any] | None:
        """Find a best checkpoint that was written after the resumed one.

        Returns:
            dict, optional: ``best_score`` and ``best_ckpt``.
        """
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
            return None  # not written by this hook

    def after_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        """Save as MMEngine does, then remove older checkpoints."""
        super().after_train_iter(runner, *args, **kwargs)
        self._remove_noted()

    def after_train_epoch(self, runner: Runner) -> None:
        """Save as MMEngine does, then remove older checkpoints."""
        super().after_train_epoch(runner)
        self._remove_noted()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float]) -> None:
        """Save the best as MMEngine does, then remove the previous one."""
        super().after_val_epoch(runner, metrics)
        self._remove_noted()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add what the checkpoint supersedes; leave plain values only.

        Scores become numbers.  Functions, which some schedules contain, are
        left out: a resumed run builds them from its config.
        """
        info = checkpoint['message_hub']['runtime_info']
        info[SUPERSEDED] = [osp.basename(path) for _, path in self.file_backend.noted]
        for key, value in info.items():
            if isinstance(value, np.generic):
                info[key] = value.item()
        schedulers = checkpoint.get('param_schedulers', [])
        if isinstance(schedulers, list):
            for state in schedulers:
                for key in [key for key, value in state.items() if callable(value)]:
                    del state[key]

    def _remove_later(self, *files: str) -> None:
        if is_main_process():
            for file in files:
                self.file_backend.remove(file)

    def _remove_noted(self) -> None:
        """Remove what was noted, except files that were written again since."""
        keep = {
            osp.realpath(path)
            for path in (
                self.last_ckpt,
                getattr(self, 'best_ckpt_path', None),
                *getattr(self, 'best_ckpt_path_dict', {}).values(),
            )
            if path
        }
        while self.file_backend.noted:
            remove, path = self.file_backend.noted.pop(0)
            if (
                osp.realpath(path) not in keep
                and osp.realpath(osp.dirname(path)) in self._folders
                and self.file_backend.exists(path)
            ):
                remove(path)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        """Save as MMEngine does, but replace ``last_checkpoint`` in one step."""
        if osp.basename(self._resumed) == INTERRUPTED:
            self._remove_later(self._resumed)
        if self.max_keep_ckpts > 0 and step not in [*self.keep_ckpt_ids][-1:]:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                oldest = self.filename_tmpl.format(self.keep_ckpt_ids.popleft())
                self._remove_later(self.file_backend.join_path(self.out_dir, oldest))
            self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids', [*self.keep_ckpt_ids])
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            write_whole(
                osp.join(runner.work_dir, 'last_checkpoint'), self.last_ckpt.encode()
            )


def _find_moved(runner: Runner) -> None:
    """Find the checkpoints of a run whose work dir lay elsewhere before."""
    info = runner.message_hub.runtime_info
    for key, path in info.items():
        if key.startswith(('best_ckpt', 'last_ckpt')) and path and not osp.exists(path):
            moved = osp.join(runner.work_dir, osp.basename(path))
            if osp.isfile(moved):
                runner.message_hub.update_info(key, moved)

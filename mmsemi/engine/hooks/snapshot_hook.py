"""Save the network at three points of its training, for ST++."""

import os.path as osp

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmsemi.registry import HOOKS


def snapshot_files(work_dir: str, max_epochs: int) -> list[str]:
    """Return the files of a training's snapshots, oldest first.

    Args:
        work_dir (str): Work dir of the training.
        max_epochs (int): E, 3 or more; the snapshots are from epochs E // 3,
            2E // 3 and E.

    Returns:
        list[str]: Three paths.

    Raises:
        ValueError: There are fewer than 3 epochs.
    """
    if max_epochs < 3:
        raise ValueError(
            f'train_cfg.max_epochs={max_epochs} is too short to '
            'take three snapshots: train for 3 epochs or more.'
        )
    epochs = max_epochs // 3, max_epochs * 2 // 3, max_epochs
    return [osp.join(work_dir, 'snapshots', f'epoch_{epoch}.pth') for epoch in epochs]


@HOOKS.register_module()
class SnapshotHook(Hook):
    """Save the weights after a third, two thirds and all of the epochs.

    They are written to :func:`snapshot_files`.  ST++ (`arXiv:2106.05095
    <https://arxiv.org/abs/2106.05095>`_) measures how reliable an image's
    pseudo-label is by how much the snapshots agree.
    """

    # Before CheckpointHook: its checkpoint means that the snapshot exists.
    priority = 'LOW'

    def before_train(self, runner: Runner) -> None:
        """Check that the run has epochs, and enough of them.

        Raises:
            ValueError: The train loop counts no epochs, or too few; a resumed
                run lacks a snapshot, as its length has changed.
        """
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise ValueError(
                f'{type(self).__name__} counts epochs: use '
                'train_cfg=dict(type="EpochBasedTrainLoop", ...), not '
                f'{type(runner.train_loop).__name__}.'
            )
        self.files = snapshot_files(runner.work_dir, runner.max_epochs)
        past = [file for file in self.files if _epoch(file) <= runner.epoch]
        lost = [osp.basename(file) for file in past if not osp.isfile(file)]
        if lost:
            raise ValueError(
                f'{runner.work_dir} was trained for {runner.epoch} epochs without '
                f'the snapshots {", ".join(lost)} that a training of '
                f'{runner.max_epochs} epochs takes. Set train_cfg.max_epochs (or '
                'self_training.supervised_epochs) back to its former value, or '
                'start anew in another --work-dir.'
            )

    def after_train_epoch(self, runner: Runner) -> None:
        """Save the snapshot that is due after this epoch, if any."""
        for file in self.files:
            if _epoch(file) == runner.epoch + 1:
                runner.save_checkpoint(
                    *osp.split(file), save_optimizer=False, save_param_scheduler=False
                )


def _epoch(file: str) -> int:
    """Return after how many epochs a snapshot is taken."""
    return int(osp.basename(file)[len('epoch_') : -len('.pth')])

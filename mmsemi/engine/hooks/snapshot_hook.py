"""The network on its way, for ST++'s reliability."""

import os.path as osp

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop

from mmsemi.registry import HOOKS


def snapshot_files(work_dir: str, max_epochs: int) -> list[str]:
    """The files that a training's snapshots are kept in, oldest first.

    Args:
        work_dir (str): Of the training.
        max_epochs (int): E, 3 or more; the snapshots are those of epochs
            E // 3, 2E // 3 and E.

    Raises:
        ValueError: There are too few epochs.
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
    """Keeps the network after a third, two thirds and all of the epochs.

    In ``snapshots/`` of the work dir, see :func:`snapshot_files`; weights
    alone.
    """

    # Before CheckpointHook: a run resumed from its checkpoint lacks none.
    priority = 'LOW'

    def before_train(self, runner) -> None:
        """Check that there are epochs to choose from.

        Raises:
            ValueError: There are not.
        """
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise ValueError(
                f'{type(self).__name__} counts epochs: use '
                'train_cfg=dict(type="EpochBasedTrainLoop", ...), not '
                f'{type(runner.train_loop).__name__}.'
            )
        self.files = snapshot_files(runner.work_dir, runner.max_epochs)

    def after_train_epoch(self, runner) -> None:
        folder, name = osp.split(self.files[0])
        name = f'epoch_{runner.epoch + 1}.pth'
        if osp.join(folder, name) in self.files:
            runner.save_checkpoint(
                folder, name, save_optimizer=False, save_param_scheduler=False
            )

"""Runs of seconds, whole, killed and resumed."""

import itertools
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.hooks import Hook

from mmsemi.engine import SemiRunner
from mmsemi.registry import HOOKS
from tests.helpers.tools import TINY

NUMBER = itertools.count()  # of the run: MMEngine keeps state by name


@HOOKS.register_module(force=True)
class KillAt(Hook):
    """Ends the run when a point is passed for the n-th time.

    At the lowest priority: after all that the other hooks do there.
    """

    priority = 'LOWEST'

    def __init__(self, point, time):
        self.left = time
        setattr(self, point, self.tick)

    def tick(self, runner, **kwargs):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


@HOOKS.register_module(force=True)
class LossLog(Hook):
    """Keeps the losses of every step."""

    def __init__(self):
        self.losses = {}

    def after_train_iter(self, runner, batch_idx, data_batch, outputs):
        self.losses[runner.iter] = {k: v.item() for k, v in outputs.items()}


@pytest.fixture(scope='module')
def train(tiny_data, tmp_path_factory):
    """Train PrevMatch on tiny images, 4 epochs of 2 iterations."""
    root = tmp_path_factory.mktemp('runs')

    def run(name, hook, guidance='previous', kill=None, **changes):
        cfg = Config.fromfile(TINY)
        for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
            cfg[loader].dataset.data_root = str(tiny_data)
        cfg.model = dict(
            type='PrevMatch',
            conf_thresh=0.2,
            prev_conf_thresh=0.2,
            guidance=guidance,
            **{
                key: cfg.model[key]
                for key in ('data_preprocessor', 'backbone', 'decode_head', 'test_cfg')
            },
        )
        cfg.train_cfg.max_epochs = 4
        cfg.visualizer.vis_backends = []
        cfg.work_dir = str(root / name)
        cfg.experiment_name = f'{name}_{next(NUMBER)}'
        cfg.custom_hooks = [hook, dict(type='LossLog')]
        if kill:
            point, time = kill
            cfg.custom_hooks.append(dict(type='KillAt', point=point, time=time))
        cfg.merge_from_dict(changes)
        runner = SemiRunner.from_cfg(cfg)
        try:
            runner.train()
        except KeyboardInterrupt:
            assert kill
        hooks = {type(hook).__name__: hook for hook in runner.hooks}
        return SimpleNamespace(
            runner=runner,
            hook=hooks[hook['type']],
            losses=hooks['LossLog'].losses,
            folder=root / name,
        )

    return run

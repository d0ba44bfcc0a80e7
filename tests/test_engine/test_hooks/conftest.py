"""Fixtures: runs that take seconds, complete, killed and resumed."""

from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.hooks import Hook

from mmsemi.engine import SemiRunner
from mmsemi.registry import HOOKS
from tests.helpers.tools import TINY


@HOOKS.register_module(force=True)
class KillAt(Hook):
    """End the run at the n-th call of a hook point.

    Has the lowest priority, so that the other hooks have done their work.
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
    """Record the losses of every step."""

    def __init__(self):
        self.losses = {}

    def after_train_iter(self, runner, batch_idx, data_batch, outputs):
        self.losses[runner.iter] = {k: v.item() for k, v in outputs.items()}


@HOOKS.register_module(force=True)
class Spoil(Hook):
    """Replace values of the method's loss dict, in every step or in one."""

    def __init__(self, step=None, **values):
        self.step, self.values = step, values

    def before_train(self, runner):
        model, loss = runner.model, runner.model.loss

        def spoiled(*args, **kwargs):
            losses = loss(*args, **kwargs)
            if self.step is None or runner.iter + 1 == self.step:
                for name, value in self.values.items():
                    losses[name] = (
                        losses[name] * float(value)
                        if value == 'nan'
                        else losses[name] * 0 + value
                    )
            return losses

        model.loss = spoiled


@pytest.fixture
def tiny_cfg(tiny_data, tmp_path):
    """Config of a tiny UniMatch run that writes to ``tmp_path``."""
    cfg = Config.fromfile(TINY)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[loader].dataset.data_root = str(tiny_data)
    cfg.work_dir = str(tmp_path)
    cfg.visualizer.vis_backends = []
    return cfg


@pytest.fixture(scope='module')
def train(tiny_data, tmp_path_factory):
    """Return a function that trains a tiny PrevMatch, 4 epochs of 2 steps."""
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

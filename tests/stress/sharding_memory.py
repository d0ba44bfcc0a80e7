"""Compare the memory that processes take with what is predicted for them.

``python -m tests.stress.sharding_memory CONFIG`` trains a few steps on two
processes, with whole weights and with shares.  Of the last step it prints, for
process 0, the peak of the bytes in tensors beside ``predict_footprint``, and
the peak of its resident memory.
"""

import argparse
import gc
import json
import shutil
import tempfile
import weakref
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from mmsemi.measuring import predict_footprint
from mmsemi.registry import HOOKS, RUNNERS
from tests.stress.processes import launch
from tests.stress.resume_points import prepare

STEPS = 3
MB = 2**20


class Live(TorchDispatchMode):
    """Add up the bytes of all living tensors after every operation.

    Storages that were emptied count nothing: FSDP frees weights in this way.
    """

    def __init__(self):
        super().__init__()
        self.peak = 0
        self.storages = weakref.WeakSet()
        for thing in gc.get_objects():
            if issubclass(type(thing), torch.Tensor):
                self.add(getattr(thing, '_local_tensor', thing))

    def add(self, tensor):
        if type(tensor) in (torch.Tensor, torch.nn.Parameter):
            self.storages.add(tensor.untyped_storage())

    def total(self):
        return sum(storage.nbytes() for storage in self.storages)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        tree_map_only(torch.Tensor, self.add, result)
        self.peak = max(self.peak, self.total())
        return result


@HOOKS.register_module()
class MemoryFile(Hook):
    """Write the peaks of the last step to a file: of tensors, or resident."""

    priority = 'LOWEST'

    def __init__(self, count):
        self.count = count

    def before_train_iter(self, runner, *args, **kwargs):
        if runner.iter == STEPS - 1:
            gc.collect()
            self.live = Live() if self.count else None
            Path('/proc/self/clear_refs').write_text('5')
            if self.live:
                self.held = self.live.total()
                self.live.__enter__()

    def after_train_iter(self, runner, *args, **kwargs):
        if runner.iter == STEPS - 1:
            if self.live:
                self.live.__exit__(None, None, None)
                peaks = dict(held=self.held, step=self.live.peak)
            else:
                lines = Path('/proc/self/status').read_text().splitlines()
                (peak,) = (line.split()[1] for line in lines if 'VmHWM' in line)
                peaks = dict(resident=int(peak) * 1024)
            name = f'{"-".join(peaks)}_{get_rank()}.json'
            Path(runner.work_dir, name).write_text(json.dumps(peaks))


def train(cfg):
    RUNNERS.build(cfg).train()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    args = parser.parse_args()
    prepare()
    for sharding in (False, True):
        cfg = Config.fromfile(args.config)
        cfg.merge_from_dict(args.cfg_options)
        cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=STEPS)
        for name in ('val_cfg', 'val_dataloader', 'val_evaluator', 'param_scheduler'):
            cfg[name] = None
        cfg.auto_scale_lr = None
        cfg.sharding = sharding
        cfg.rehearse = False
        cfg.launcher = 'pytorch'
        cfg.default_hooks.checkpoint.interval = -1
        cfg.default_hooks.checkpoint.save_last = False
        cfg.visualizer.vis_backends = []
        folder = cfg.work_dir = tempfile.mkdtemp()
        hooks = [*cfg.get('custom_hooks', ())]
        predicted = predict_footprint(cfg, 2)
        found = {}
        for count in (True, False):
            cfg.custom_hooks = [*hooks, dict(type='MemoryFile', count=count)]
            codes = launch(2, train, cfg, output=Path(folder, 'output.txt'))
            if codes != [0, 0]:
                raise SystemExit(Path(folder, 'output.txt').read_text()[-3000:])
        for file in Path(folder).glob('*_0.json'):
            found.update(json.loads(file.read_text()))
        shutil.rmtree(folder)
        print(
            f'sharding={sharding}: held {found["held"] / MB:.1f} MiB '
            f'(predicted {predicted.held / MB:.1f}), step {found["step"] / MB:.1f} '
            f'(predicted {predicted.step / MB:.1f}), resident '
            f'{found["resident"] / MB:.1f}',
            flush=True,
        )


if __name__ == '__main__':
    main()

import copy
import json
import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config

from mmsemi.engine import SemiRunner
from tests.helpers.tools import TINY

GROUP_NORM = dict(type='GN', num_groups=4)


@pytest.fixture
def cfg(tiny_data, tmp_path):
    cfg = Config.fromfile(TINY)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[loader].dataset.data_root = str(tiny_data)
    cfg.work_dir = str(tmp_path)
    cfg.visualizer.vis_backends = []
    return cfg


def run(cfg, name, **changes):
    """Train in a folder of its own; the trained runner."""
    cfg = copy.deepcopy(cfg)
    cfg.merge_from_dict(changes)
    cfg.work_dir = os.path.join(cfg.work_dir, name)
    runner = SemiRunner.from_cfg(cfg)
    runner.train()
    return runner


def test_results_hold_every_validation(cfg):
    runner = run(cfg, 'run')
    rows = json.load(open(os.path.join(runner.work_dir, 'results.json')))
    assert [row['epoch'] for row in rows] == [1, 2]
    assert all(0 <= row['mIoU'] <= 100 for row in rows)


def test_each_run_of_a_process_writes_its_own_scalars(cfg):
    backends = [dict(type='LocalVisBackend')]
    for name in ('first', 'second'):
        folder = run(cfg, name, **{'visualizer.vis_backends': backends}).work_dir
        assert len([*Path(folder).glob('*/vis_data/scalars.json')]) == 1


def test_runs_of_one_second_share_nothing(cfg, monkeypatch):
    stopped = SimpleNamespace(**{**vars(time), 'time': lambda: 1e9})
    monkeypatch.setattr('mmengine.runner.runner.time', stopped)
    first, second = (SemiRunner.from_cfg(cfg) for _ in range(2))
    assert first.log_dir != second.log_dir
    for part in ('logger', 'message_hub', 'visualizer'):
        names = {getattr(run, part).instance_name for run in (first, second)}
        assert len(names) == 2


def test_lr_follows_the_total_batch(cfg):
    """With twice the batch that the lr is meant for, the lr is doubled."""
    lrs = []
    for total in (2, 4):
        runner = run(
            cfg,
            f'batch{total}',
            **{
                'total_batch_size': total,
                'param_scheduler': None,
                'train_cfg.max_epochs': 1,
            },
        )
        assert runner.train_dataloader.batch_size == total
        groups = runner.optim_wrapper.optimizer.param_groups
        lrs.append([group['lr'] for group in groups])
    assert lrs[1] == pytest.approx([2 * lr for lr in lrs[0]])
    assert min(lrs[0]) == pytest.approx(0.001)
    assert max(lrs[0]) == pytest.approx(0.01)


def test_accumulation_divides_the_batch_of_an_update(cfg):
    """Several steps give the same samples, lr and update as one."""
    cfg.model = dict(
        type='Supervised',
        data_preprocessor=cfg.model.data_preprocessor,
        backbone=dict(cfg.model.backbone, norm_cfg=GROUP_NORM),
        decode_head=dict(
            cfg.model.decode_head,
            norm_cfg=GROUP_NORM,
            dropout_ratio=0,
            # A mean over all pixels, the ignored ones too.
            loss_decode=dict(type='CrossEntropyLoss'),
        ),
        test_cfg=dict(mode='whole'),
    )
    cfg.total_batch_size = 5
    cfg.param_scheduler = None
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1)
    runs = [
        run(
            cfg,
            f'counts{counts}',
            **{'optim_wrapper.accumulative_counts': counts, 'randomness.seed': 1},
        )
        for counts in (1, 5)
    ]
    assert [r.train_dataloader.batch_size for r in runs] == [5, 1]
    assert [r.iter for r in runs] == [1, 5]
    lrs = [[g['lr'] for g in r.optim_wrapper.param_groups] for r in runs]
    assert lrs[0] == lrs[1]
    for name, tensor in runs[0].model.state_dict().items():
        torch.testing.assert_close(tensor, runs[1].model.state_dict()[name])
    with pytest.raises(ValueError, match='1 processes of 3 steps per update'):
        run(cfg, 'thirds', **{'optim_wrapper.accumulative_counts': 3})


def test_batch_size_overrides_the_total(cfg):
    runner = run(
        cfg, 'run', **{'train_dataloader.batch_size': 4, 'train_cfg.max_epochs': 1}
    )
    assert runner.train_dataloader.batch_size == 4


class TestFaults:
    """Each is one error before training, with file, value and cure."""

    def fails(self, cfg, said, error=ValueError, **changes):
        with pytest.raises(error, match=said):
            run(cfg, 'run', **changes)

    def edit(self, cfg, tiny_data, tmp_path, **lists):
        """Write other lists beside the same images."""
        root = tmp_path / 'data'
        (root / 'splits').mkdir(parents=True)
        for folder in ('images', 'labels'):
            (root / folder).symlink_to(tiny_data / folder)
        for name in ('train', 'val', 'labeled'):
            text = (tiny_data / 'splits' / f'{name}.txt').read_text()
            (root / 'splits' / f'{name}.txt').write_text(lists.get(name, text))
        for loader in ('train_dataloader', 'val_dataloader'):
            cfg[loader].dataset.data_root = str(root)

    def test_missing_image(self, cfg, tiny_data, tmp_path):
        self.edit(cfg, tiny_data, tmp_path, labeled='images/no.png labels/0')
        self.fails(cfg, r'labeled\.txt names files.*images/no\.png', FileNotFoundError)

    def test_sizes_that_differ(self, cfg, tiny_data, tmp_path):
        import cv2
        import numpy as np

        self.edit(cfg, tiny_data, tmp_path, labeled='images/train/0.png small.png')
        small = tmp_path / 'data/small.png'
        cv2.imwrite(str(small), np.zeros((40, 20), np.uint8))
        self.fails(cfg, 'has 48x40 pixels and its mask .*small.png 20x40')

    def test_trained_and_validated_on(self, cfg, tiny_data, tmp_path):
        self.edit(cfg, tiny_data, tmp_path, val='images/train/5.png labels/train/5.png')
        self.fails(cfg, r'train/5\.png are both in .*train\.txt.*val\.txt')

    def test_trained_on_through_a_link(self, cfg, tiny_data, tmp_path):
        """Of a folder as well as of a file, on either side."""
        root = tmp_path / 'data'
        train = (tiny_data / 'splits/train.txt').read_text()
        link = '\nlinks/a.png labels/train/5.png'
        self.edit(cfg, tiny_data, tmp_path, train=train + link)
        (root / 'links').mkdir()
        (root / 'links/a.png').symlink_to(tiny_data / 'images/val/1.png')
        self.fails(cfg, r'links/a\.png are both in .*train\.txt.*val\.txt')

    def test_too_few_images_for_a_batch(self, cfg):
        self.fails(cfg, 'do not fill one batch of 64', **{'total_batch_size': 64})

    def test_missing_pretrained_file(self, cfg):
        init = dict(type='PretrainedBackbone', checkpoint='nowhere.pth')
        self.fails(
            cfg,
            r'nowhere\.pth.*init_cfg=None',
            FileNotFoundError,
            **{'model.backbone.init_cfg': init},
        )

    def test_checkpoint_of_another_network(self, cfg):
        runner = run(cfg, 'first', **{'train_cfg.max_epochs': 1})
        self.fails(
            cfg,
            r'epoch_1\.pth is not of this network: it lacks decode_head',
            load_from=os.path.join(runner.work_dir, 'epoch_1.pth'),
            **{'model.decode_head.type': 'DepthwiseSeparableASPPHead'},
        )

    def test_other_number_of_classes(self, cfg):
        runner = run(cfg, 'first', **{'train_cfg.max_epochs': 1})
        self.fails(
            cfg,
            r'conv_seg\.weight \(4, 16, 1, 1\) for \(7, 16, 1, 1\)',
            load_from=os.path.join(runner.work_dir, 'epoch_1.pth'),
            **{
                'model.decode_head.num_classes': 7,
                'train_dataloader.dataset.metainfo': dict(
                    classes=[*'abcdefg'], palette=[[i] * 3 for i in range(7)]
                ),
            },
        )

    def test_other_classes_than_the_data(self, cfg):
        self.fails(
            cfg,
            'num_classes is 3, but the data set has 4 classes',
            **{'model.decode_head.num_classes': 3},
        )

    def test_other_channels_than_the_data(self, cfg):
        self.fails(
            cfg,
            'takes 5 channels, but LoadSegImage loads 3',
            **{'model.backbone.in_channels': 5},
        )

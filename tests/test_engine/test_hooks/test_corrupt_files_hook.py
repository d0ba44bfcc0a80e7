"""CorruptFilesHook counts and lists files that a run skips."""

import json
import shutil

import pytest
import torch
from mmengine.config import Config

from mmsemi.engine import SemiRunner
from tests.helpers.tools import TINY


@pytest.fixture
def spoiled(tiny_data, tmp_path):
    """Copy the tiny data, with a truncated image and a mask that is an image."""
    root = tmp_path / 'data'
    shutil.copytree(tiny_data, root)
    image, mask = root / 'images/train/5.png', root / 'labels/train/1.png'
    image.write_bytes(image.read_bytes()[:900])
    mask.write_bytes((root / 'images/train/1.png').read_bytes())
    return root, {str(image), str(root / 'images/train/1.png')}


def train(root, work_dir, max_corrupt, workers=0, **changes):
    """Train 4 epochs of 2 steps; return the runner."""
    cfg = Config.fromfile(TINY)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[loader].dataset.data_root = str(root)
    cfg.visualizer.vis_backends = []
    cfg.merge_from_dict(
        {
            'train_dataloader.dataset.max_corrupt': max_corrupt,
            'train_dataloader.num_workers': workers,
            'train_dataloader.persistent_workers': bool(workers),
            'train_cfg.max_epochs': 4,
            'val_cfg': None,
            'val_dataloader': None,
            'val_evaluator': None,
            'work_dir': str(work_dir),
            **changes,
        }
    )
    runner = SemiRunner.from_cfg(cfg)
    runner.train()
    return runner


def test_left_out_counted_and_listed(plain_configs, spoiled, tmp_path):
    """The weights are bit-identical with workers, and after a resume."""
    root, files = spoiled
    runner = train(root, tmp_path / 'a', max_corrupt=2)
    listed = json.loads((tmp_path / 'a/corrupt_files.json').read_text())
    assert listed.keys() == files
    reasons = ' '.join(listed.values())
    assert '5.png (900 bytes) cannot be decoded' in reasons
    assert 'labels/train/1.png has 3 channels' in reasons
    count = runner.message_hub.get_scalar('train/corrupt_files')
    assert count.current() == 2
    loaded = train(root, tmp_path / 'b', max_corrupt=2, workers=2)
    again = train(
        root, tmp_path / 'a', 2, resume=True, load_from=str(tmp_path / 'a/epoch_3.pth')
    )
    assert again.message_hub.get_scalar('train/corrupt_files').current() == 2
    for other in (loaded, again):
        for name, value in runner.model.state_dict().items():
            assert torch.equal(other.model.state_dict()[name], value), name


def test_too_many_end_the_run(plain_configs, spoiled, tmp_path):
    root, files = spoiled
    shutil.copy(root / 'images/train/5.png', root / 'images/train/6.png')
    with pytest.raises(RuntimeError, match='3 training files .*max_corrupt=2'):
        train(root, tmp_path / 'a', max_corrupt=2)
    listed = json.loads((tmp_path / 'a/corrupt_files.json').read_text())
    assert len(listed) == 3


def test_by_default_the_first_one_is_an_error(
    plain_configs, spoiled, tmp_path, tiny_data
):
    root, _ = spoiled
    shutil.copy(tiny_data / 'labels/train/1.png', root / 'labels/train/1.png')
    with pytest.raises(ValueError, match=r'5\.png .*max_corrupt=N'):
        train(root, tmp_path / 'a', max_corrupt=0)


def test_a_list_without_any_good_image(plain_configs, spoiled, tmp_path):
    root, _ = spoiled
    for i in range(8):
        (root / f'images/train/{i}.png').write_bytes(b'')
    with pytest.raises(ValueError, match='No image of .* can be used'):
        train(root, tmp_path / 'a', max_corrupt=9)

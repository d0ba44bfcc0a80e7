"""What a user types, from training to pictures."""
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import mmseg
import numpy as np
import pytest
import torch
from PIL import Image

from mmsemi.registry import MODELS
from tests import tiny
from tests.tools import ROOT, TINY, call, run

MMSEG_TEST = Path(mmseg.__file__).parent / '.mim/tools/test.py'


def miou(output: str) -> float:
    """The mean IoU that a test tool printed last."""
    return float(re.findall(r'mIoU: ([\d.]+)', output)[-1])


@pytest.fixture(scope='module')
def trained(tiny_data, tmp_path_factory) -> Path:
    """Work dir of a training killed by SIGKILL and resumed."""
    work_dir = tmp_path_factory.mktemp('work')
    options = [
        '--work-dir', work_dir, '--cfg-options', f'data_root={tiny_data}',
        'default_hooks.checkpoint.by_epoch=False', 'train_cfg.max_epochs=30'
    ]
    process = subprocess.Popen(
        [sys.executable, 'tools/train.py',
         str(TINY), *map(str, options)],
        cwd=ROOT,
        env=dict(os.environ, OMP_NUM_THREADS='1'),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    deadline = time.time() + 240
    while not (work_dir / 'last_checkpoint').exists():
        assert process.poll() is None and time.time() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    options[-1] = 'train_cfg.max_epochs=3'
    output = run('python', 'tools/train.py', TINY, '--resume', *options)
    assert re.search(r'resumed epoch: \d+, iter: \d+', output)
    assert re.search(r'mIoU: best [\d.]+ \(epoch \d+.*last [\d.]+', output)
    for part in ('loss_sup', 'loss_strong', 'loss_fp', 'loss_rank',
                 'mask_ratio', 'eta', 'lr'):
        assert f'{part}: ' in output
    return work_dir


@pytest.fixture(scope='module')
def checkpoint(trained) -> str:
    return (trained / 'last_checkpoint').read_text().strip()


def test_tensorboard_scalars(trained):
    assert list(trained.rglob('events.out.tfevents*'))


def test_both_test_tools_agree(trained, checkpoint, tiny_data, tmp_path):
    """Ours and mmseg's own, on the config that training wrote."""
    pictures = tmp_path / 'pictures'
    ours = run('python', 'tools/test.py', TINY, checkpoint, '--work-dir',
               tmp_path, '--show-dir', pictures, '--out', tmp_path / 'masks',
               '--cfg-options', f'data_root={tiny_data}')
    theirs = run('python', MMSEG_TEST, trained / 'tiny.py', checkpoint,
                 '--work-dir', tmp_path)
    assert miou(ours) == miou(theirs) > 0
    assert len(list(pictures.rglob('*.png'))) == 3
    assert len(list((tmp_path / 'masks').glob('*.png'))) == 3
    assert '| disc' in re.sub(' +', ' ', ours), 'the table of classes'
    assert 'Evaluation: whole images.' in ours


def test_stock_segmentor_takes_the_checkpoint(checkpoint):
    cfg = tiny.network(type='EncoderDecoder')
    cfg.data_preprocessor.type = 'SegDataPreProcessor'
    state = torch.load(checkpoint, weights_only=False)['state_dict']
    MODELS.build(cfg).load_state_dict(state, strict=True)


def test_predict_folder(trained, checkpoint, tmp_path):
    """Any size, nested folders, names that recur, and a broken file."""
    photos = tmp_path / 'photos'
    (photos / 'deep').mkdir(parents=True)
    rng = np.random.default_rng(0)
    sizes = {'a.png': (30, 50), 'a.jpg': (64, 33), 'deep/a.png': (9, 200)}
    for name, (height, width) in sizes.items():
        pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(photos / name)
    (photos / 'broken.png').write_bytes(b'no image')
    out = tmp_path / 'out'
    output = run('python', 'tools/predict.py', photos, trained / 'tiny.py',
                 checkpoint, '--out-dir', out, ok=False)
    assert '3 of 4 images' in output and 'broken.png' in output
    names = {p.relative_to(out / 'masks').as_posix()
             for p in (out / 'masks').rglob('*.png')}
    assert names == {'a.png', 'a.png.png', 'deep/a.png'}
    shapes = set()
    for path in (out / 'masks').rglob('*.png'):
        mask = Image.open(path)
        assert mask.mode == 'P' and np.array(mask).max() < 4
        shapes.add(np.array(mask).shape)
        for kind in ('colors', 'overlays'):
            picture = out / kind / path.relative_to(out / 'masks')
            assert Image.open(picture).size == mask.size
    assert shapes == set(sizes.values())

    half = tmp_path / 'half'
    output = call('tools/predict.py', photos, trained / 'tiny.py', checkpoint,
                  '--out-dir', half, '--amp', ok=False)
    assert '3 of 4 images' in output
    agree = [
        (np.array(Image.open(out / 'masks' / name)) == np.array(
            Image.open(half / 'masks' / name))).mean() for name in names
    ]
    assert min(agree) > 0.9, 'in mixed precision'


def test_predict_names_what_is_missing(checkpoint, tmp_path):
    output = run('python', 'tools/predict.py', tmp_path / 'nowhere', TINY,
                 checkpoint, '--out-dir', tmp_path, ok=False)
    assert 'There is no image or folder' in output


def test_two_processes_train_and_evaluate(tiny_data, tmp_path):
    """Over gloo where there is no GPU, with the batch divided."""
    output = run('bash', 'tools/dist_train.sh', TINY, '2', '--work-dir',
                 tmp_path, '--cfg-options', f'data_root={tiny_data}',
                 'train_cfg.max_epochs=1',
                 env=dict(CUDA_VISIBLE_DEVICES='-1',
                          PATH=f'{Path(sys.executable).parent}:'
                          f'{os.environ["PATH"]}'))
    assert 'Epoch(train) [1][2/2]' in re.sub(' +', ' ', output)
    assert 'BatchNorm is not synchronised' in output
    one = run('python', 'tools/test.py', TINY, tmp_path / 'epoch_1.pth',
              '--work-dir', tmp_path, '--cfg-options',
              f'data_root={tiny_data}')
    assert miou(output.split('last ')[0]) == miou(one)

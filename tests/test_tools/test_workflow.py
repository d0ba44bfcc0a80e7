"""The commands of a user, from training to pictures."""

import os
import re
import signal
import sys
from pathlib import Path

import mmseg
import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmsemi.engine.runner.resuming import newest_whole_checkpoint
from mmsemi.registry import MODELS, RUNNERS
from tests.helpers import networks as tiny
from tests.helpers.runs import make_config
from tests.helpers.tools import ROOT, TINY, call, run
from tests.stress.resume_points import OFTEN, differences

MMSEG_TEST = Path(mmseg.__file__).parent / '.mim/tools/test.py'


def miou(output: str) -> float:
    """The mean IoU that a test tool printed last."""
    return float(re.findall(r'mIoU ([\d.]+)', output)[-1])


def killing_config(file, **hook):
    """Write the tiny config, with a hook that sends a process SIGKILL."""
    hook.update(type='EndAt', signal=int(signal.SIGKILL))
    file.write_text(f"""
_base_ = {str(TINY)!r}
custom_imports = dict(imports=['mmsemi', 'tests.stress.resume_points'])
custom_hooks = [{hook!r}]
""")
    return file


@pytest.fixture(scope='module')
def trained(tiny_data, tmp_path_factory) -> Path:
    """Work dir of a training killed by SIGKILL and resumed."""
    work_dir = tmp_path_factory.mktemp('work')
    options = [
        '--work-dir',
        work_dir,
        '--cfg-options',
        f'data_root={tiny_data}',
        'default_hooks.checkpoint.by_epoch=False',
        'train_cfg.max_epochs=3',
    ]
    config = killing_config(work_dir / 'killed.py', point='after_train_iter', time=3)
    run(
        'python',
        'tools/train.py',
        config,
        *options,
        env=dict(PYTHONPATH=str(ROOT)),
        ok=False,
    )
    assert not (work_dir / 'iter_4.pth').exists()
    output = run('python', 'tools/train.py', TINY, '--resume', *options)
    assert re.search(r'weights +resumed from .*iter_3.pth', output)
    assert re.search(r'length .* \d+ steps, of which 3 are done', output)
    assert re.search(r'mIoU: best [\d.]+ \(epoch \d+.*last [\d.]+', output)
    for part in ('loss_sup', 'loss_strong', 'loss_fp', 'loss_rank', 'mask_ratio', 'lr'):
        assert re.search(rf'step 4/\d+ .* {part} [\d.]+ .* left', output)
    return work_dir


@pytest.fixture(scope='module')
def checkpoint(trained) -> str:
    return (trained / 'last_checkpoint').read_text().strip()


def test_ends_as_if_it_had_not_been_killed(trained, tiny_data, tmp_path):
    """Bit-identical, with one thread, as in the command."""
    cfg = make_config('rankmatch', tiny_data, tmp_path, **OFTEN)
    cfg.model = Config.fromfile(TINY).model
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    RUNNERS.build(cfg).train()
    torch.set_num_threads(threads)
    assert differences(tmp_path, trained) == []


def test_tensorboard_scalars(trained):
    assert list(trained.rglob('events.out.tfevents*'))


def test_both_test_tools_agree(trained, checkpoint, tiny_data, tmp_path):
    """Ours and mmseg's own, on the config that training wrote."""
    pictures = tmp_path / 'pictures'
    ours = run(
        'python',
        'tools/test.py',
        TINY,
        checkpoint,
        '--work-dir',
        tmp_path,
        '--show-dir',
        pictures,
        '--out',
        tmp_path / 'masks',
        '--cfg-options',
        f'data_root={tiny_data}',
    )
    theirs = run(
        'python', MMSEG_TEST, trained / 'tiny.py', checkpoint, '--work-dir', tmp_path
    )
    assert miou(ours) == miou(theirs) > 0
    assert len(list(pictures.rglob('*.png'))) == 3
    assert len(list((tmp_path / 'masks').glob('*.png'))) == 3
    assert ' disc ' in re.sub(' +', ' ', ours), 'the table of classes'
    assert 'Evaluation: whole images.' in ours


def test_stock_segmentor_loads_the_checkpoint(checkpoint):
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
    output = run(
        'python',
        'tools/predict.py',
        photos,
        trained / 'tiny.py',
        checkpoint,
        '--out-dir',
        out,
        ok=False,
    )
    assert '3 of 4 images' in output and 'broken.png' in output
    assert output.count('Predicting') == 1, 'one progress bar'
    names = {
        p.relative_to(out / 'masks').as_posix() for p in (out / 'masks').rglob('*.png')
    }
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
    output = call(
        'tools/predict.py',
        photos,
        trained / 'tiny.py',
        checkpoint,
        '--out-dir',
        half,
        '--amp',
        ok=False,
    )
    assert '3 of 4 images' in output
    agree = [
        (
            np.array(Image.open(out / 'masks' / name))
            == np.array(Image.open(half / 'masks' / name))
        ).mean()
        for name in names
    ]
    assert min(agree) > 0.9, 'in mixed precision'


def test_predict_names_what_is_missing(checkpoint, tmp_path):
    output = run(
        'python',
        'tools/predict.py',
        tmp_path / 'nowhere',
        TINY,
        checkpoint,
        '--out-dir',
        tmp_path,
        ok=False,
    )
    assert 'There is no image or folder' in output


def test_two_processes_train_and_evaluate(tiny_data, tmp_path):
    """Two processes share the batch; killing one ends both.

    They use gloo if there is no GPU.  The checkpoint of the first epoch remains.
    """
    config = killing_config(
        tmp_path / 'killed.py', point='before_train_iter', time=4, rank=1
    )
    output = run(
        'bash',
        'tools/dist_train.sh',
        config,
        '2',
        '--work-dir',
        tmp_path,
        '--cfg-options',
        f'data_root={tiny_data}',
        env=dict(
            CUDA_VISIBLE_DEVICES='-1',
            PATH=f'{Path(sys.executable).parent}:{os.environ["PATH"]}',
        ),
        ok=False,
    )
    assert len(re.findall(r'^batch .*, on each of 2 processes$', output, re.M)) == 1
    assert output.count('step 1/') == 1, 'one of the processes speaks'
    assert 'BatchNorm is not synchronised' in output
    assert 'error: Process 1 was ended by signal 9 (SIGKILL)' in output
    assert 'Traceback' not in output
    last = newest_whole_checkpoint(tmp_path)
    assert last.endswith('epoch_1.pth')
    one = run(
        'python',
        'tools/test.py',
        TINY,
        last,
        '--work-dir',
        tmp_path,
        '--cfg-options',
        f'data_root={tiny_data}',
    )
    assert miou(output) == miou(one)

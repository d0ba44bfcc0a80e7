"""Export by the command."""

import re
import sys

import onnxruntime
import pytest
from mmengine.config import Config

from tests.helpers.tools import TINY, call


@pytest.fixture
def config(tiny_data, tmp_path):
    cfg = Config.fromfile(TINY)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.data_root = str(tiny_data)
    cfg.dump(tmp_path / 'tiny.py')
    return tmp_path / 'tiny.py'


def test_onnx(config, checkpoint, tmp_path):
    out = tmp_path / 'out/network.onnx'
    args = ('export', config, checkpoint, '-o', out, '--num-images', 1)
    printed = call('mmsemi', *args, '--output', 'logits', '--opset', 18)
    assert 'ONNX, opset 18' in printed and 'any height and width' in printed
    assert re.search(r'compared .* 0 of [\d,]+ pixels differ on 3 images', printed)
    (given,) = onnxruntime.InferenceSession(out).get_outputs()
    assert given.shape[:2] == ['batch', 4]


def test_the_suffix_names_the_format(config, checkpoint, folder, tmp_path):
    args = ('export', config, checkpoint, '-o', tmp_path / 'n.pt')
    printed = call('mmsemi', *args, '--images', folder)
    assert 'TorchScript' in printed and (tmp_path / 'n.pt').is_file()


@pytest.mark.parametrize(
    'options, message',
    [
        (('--format', 'mmseg'), 'DeepLabV3PlusHead'),
        (('--format', 'mmseg', '--output', 'logits'), 'leave it out'),
        (('--format', 'torchscript', '--opset', '18'), 'leave it out'),
        (('--teacher',), 'no ema_teacher'),
        (('--images', 'nowhere'), 'nowhere'),
        (('--cfg-options', 'model.decode_head.num_classes=7'), 'predicts 4 classes'),
    ],
)
def test_refusals_are_one_line(
    options, message, config, checkpoint, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    printed = call('mmsemi', 'export', config, checkpoint, *options, ok=False)
    assert re.search(rf'error: .*{message}', printed) and 'Traceback' not in printed
    assert not list(tmp_path.glob('*.onnx')) and not list(tmp_path.glob('*.pth'))


@pytest.mark.parametrize('package', ['onnx', 'onnxscript', 'onnxruntime'])
def test_a_missing_package(package, config, checkpoint, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    printed = call('mmsemi', 'export', config, checkpoint, ok=False)
    assert printed == (
        f'error: The export to ONNX needs {package}, which is not installed: '
        "pip install 'mmsemi[export]'\n"
    )

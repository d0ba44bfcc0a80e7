"""A training whose data and work dir lie on a server that is lost, and comes back."""

import shutil
import socket
import subprocess
import sys
import threading

import fsspec
import pytest
import torch

from mmsemi.preparation.shards import write_shards
from mmsemi.utils.storage import addresses, mirror
from tests.helpers.tools import ROOT, TINY, call
from tests.stress.resume_points import differences

pytest.importorskip('s3fs', reason="needs s3fs: pip install 'mmsemi[s3]'")
pytest.importorskip('moto', reason="needs moto: pip install 'mmsemi[tests]'")

SETTINGS = (
    'train_dataloader.num_workers=1',
    'default_hooks.checkpoint.by_epoch=False',
    'default_hooks.checkpoint.interval=1',
    'default_hooks.pseudo_labels.interval=1000',
    'visualizer.vis_backends=[]',
)


@pytest.fixture(autouse=True, scope='module')
def one_thread():
    """Use one thread: several round differently every time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def bucket(tiny_data, tmp_path):
    """What the server holds: the tiny images, also in shards, and what is written."""
    folder = shutil.copytree(tiny_data, tmp_path / 'bucket')
    lists = [str(each.relative_to(folder)) for each in folder.glob('splits/*.txt')]
    write_shards(lists, str(folder), str(folder / 'shards'), 1e5)
    return folder


@pytest.fixture
def serve(bucket, monkeypatch, tmp_path):
    """Start a server on the same port again and again."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    for name, value in dict(
        AWS_ACCESS_KEY_ID='known',
        AWS_SECRET_ACCESS_KEY='never printed',
        AWS_ENDPOINT_URL=f'http://127.0.0.1:{port}',
        AWS_MAX_ATTEMPTS='1',
        MMSEMI_CACHE=str(tmp_path / 'cache'),
        MMSEMI_CACHE_GB='1e-5',  # nearly everything is fetched every time
        OMP_NUM_THREADS='1',
    ).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(addresses, 'FIRST_PAUSE', 0.1)
    monkeypatch.setattr(mirror, 'EVERY', 0.1)
    monkeypatch.chdir(tmp_path)
    servers = []

    def start(requests=0, suffix=''):
        command = ('-m', 'tests.helpers.s3_server', port, bucket, requests, suffix)
        server = subprocess.Popen(
            [sys.executable, *map(str, command)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert server.stdout.readline().startswith('ready')
        servers.append(server)
        return server

    fsspec.get_filesystem_class('s3').clear_instance_cache()  # of another port
    yield start
    for server in servers:
        server.kill()
        server.wait()
        server.stdout.close()


def train(folder, data_root, *args, ok=True):
    options = (*SETTINGS, f'data_root={data_root}')
    return call(
        'mmsemi',
        *('train', TINY, '--work-dir', folder),
        *('--cfg-options', *options, *args),
        ok=ok,
    )


@pytest.fixture(scope='module')
def expected(tiny_data, tmp_path_factory, plain_configs):
    """The same training on files of this machine."""
    folder = tmp_path_factory.mktemp('local')
    train(folder, tiny_data)
    return folder


def test_lost_server(serve, expected, bucket, tmp_path):
    first = serve(requests=20)

    def restart():
        first.wait()
        serve()

    thread = threading.Thread(target=restart)
    thread.start()
    train('s3://bucket/survives', 's3://bucket')
    thread.join()
    assert not differences(expected, tmp_path / 'work_dirs/s3/bucket/survives')
    assert not differences(expected, bucket / 'survives')
    kept = [{p.name for p in d.glob('*.pth')} for d in (expected, bucket / 'survives')]
    assert kept[0] == kept[1]  # what was superseded is removed
    output = train('s3://bucket/survives', 's3://bucket', ok=False)
    assert 's3://bucket/survives holds an earlier run' in output


def test_server_that_stays_away(serve, expected, bucket, tmp_path, monkeypatch):
    """Data in shards, and a machine that has nothing of the run but its address."""
    monkeypatch.setenv('MMSEMI_STORAGE_ATTEMPTS', '2')
    root = 's3://bucket/shards/index.shards'
    serve(requests=2, suffix='last_checkpoint')  # after the list of contents
    output = train('s3://bucket/ends', root, ok=False)
    last = output.strip().splitlines()[-1]
    assert last.startswith('error: s3://bucket/') and '--resume' in last
    assert 'never printed' not in output
    assert list(bucket.glob('ends/iter_*.pth'))
    serve()
    shutil.rmtree(tmp_path / 'work_dirs')
    (tmp_path / 'other').mkdir()
    monkeypatch.chdir(tmp_path / 'other')
    output = train('s3://bucket/ends', root, '--resume')
    assert 'resumed from' in output
    assert not differences(expected, bucket / 'ends')
    assert not differences(expected, tmp_path / 'other/work_dirs/s3/bucket/ends')


@pytest.mark.parametrize(
    'data_root, without, said',
    [
        ('s3://nowhere', (), 'no list s3://nowhere/splits/'),
        (
            's3://bucket',
            ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE'),
            'credentials',
        ),
    ],
)
def test_bad_addresses(serve, tmp_path, monkeypatch, data_root, without, said):
    for name in without:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('AWS_EC2_METADATA_DISABLED', 'true')
    serve()
    output = train(tmp_path / 'run', data_root, ok=False)
    assert said in output.strip().splitlines()[-1]

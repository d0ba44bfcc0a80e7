"""The published lists: brought, verified, derived; and lists of one's own."""

import hashlib
import re
import runpy
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mmsemi.datasets import read_list
from mmsemi.preparation.splits.published import (
    fetch_lists,
    folder_reader,
    normalise,
    url_reader,
)
from mmsemi.preparation.splits.table import PUBLISHED, PublishedList, PublishedSplits
from tests.helpers.tools import ROOT, run

SPLITS = ROOT.parent / 'shared/splits'
needs_lists = pytest.mark.skipif(
    not SPLITS.is_dir(),
    reason=f'the published lists are not at {SPLITS}; they are no part of this project',
)
COUNTS = {
    'pascal': {
        'train_aug': 10582,
        'val': 1449,
        '92': 92,
        '183': 183,
        '366': 366,
        '732': 732,
        '1464': 1464,
        '1_16': 662,
        '1_8': 1323,
        '1_4': 2646,
        'u2pl_1_16': 662,
        'u2pl_1_8': 1323,
        'u2pl_1_4': 2646,
    },
    'cityscapes': {
        'train': 2975,
        'val': 500,
        '1_30': 100,
        '1_16': 186,
        '1_8': 372,
        '1_4': 744,
        '1_2': 1488,
    },
    'coco': {
        'train': 118287,
        'val': 5000,
        '1_512': 232,
        '1_256': 463,
        '1_128': 925,
        '1_64': 1849,
        '1_32': 3697,
    },
    'ade20k': {
        'train': 20210,
        'val': 2000,
        '1_128': 158,
        '1_64': 316,
        '1_32': 632,
        '1_16': 1263,
        '1_8': 2526,
    },
}
TOOL = 'tools/data/prepare_splits.py'


@pytest.fixture
def tool(monkeypatch, capsys):
    """Run the tool in this process: its exit status and what it printed."""

    def call(*args):
        monkeypatch.setattr(sys, 'argv', [TOOL, *map(str, args)])
        with pytest.raises(SystemExit) as stopped:
            runpy.run_path(str(ROOT / TOOL), run_name='__main__')
        printed = capsys.readouterr()
        return stopped.value.code, printed.out + printed.err

    return call


def lines_of(*numbers):
    return ''.join(f'img/{i}.jpg lab/{i}.png\n' for i in numbers)


@pytest.fixture
def published(monkeypatch):
    """A data set `toy` of six train images, two of them labeled in 1_3."""
    texts = {
        'full': lines_of(1, 2, 3, 4, 5, 6),
        'val': lines_of(8, 7),
        '1_3': lines_of(5, 2),
    }
    lists = {
        name: PublishedList(text.count('\n'), hashlib.sha256(text.encode()).hexdigest())
        for name, text in texts.items()
    }
    toy = PublishedSplits('https://lists.invalid/toy', 'MIT', '', 'toys', 'full', lists)
    monkeypatch.setitem(PUBLISHED, 'toy', toy)
    return texts


@pytest.fixture
def repository(tmp_path, published):
    """The toy lists as a repository publishes them."""
    folder = tmp_path / 'clone'
    (folder / 'splits/toys/1_3').mkdir(parents=True)
    (folder / 'splits/toys/val.txt').write_text(published['val'].rstrip())
    (folder / 'splits/toys/1_3/labeled.txt').write_text(published['1_3'])
    (folder / 'splits/toys/1_3/unlabeled.txt').write_text(lines_of(6, 1, 4, 3).rstrip())
    return folder


@pytest.fixture
def serve():
    """Serve a folder on this machine; gives its URL and what was asked."""
    servers = []

    def start(folder):
        asked = []

        class Handler(SimpleHTTPRequestHandler):
            def log_request(self, code='-', size='-'):
                asked.append((self.path, int(code)))

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(
            ('127.0.0.1', 0), partial(Handler, directory=str(folder))
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f'http://127.0.0.1:{server.server_port}', asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_table_holds_the_published_counts():
    assert {
        dataset: {name: entry.lines for name, entry in splits.lists.items()}
        for dataset, splits in PUBLISHED.items()
    } == COUNTS


@pytest.mark.parametrize('method', ['unimatch', 'corrmatch', 'stpp'])
def test_configs_ask_for_the_lists_of_the_table(method):
    """For all, and for no others, which would never come."""
    for dataset, splits in PUBLISHED.items():
        asked = {
            name
            for config in (ROOT / 'configs' / method).glob(f'{dataset}[-_]*')
            for name in re.findall(r"'splits/(\w+)\.txt'", config.read_text())
        }
        assert asked == set(splits.lists) - {splits.train, 'val'}


@needs_lists
@pytest.mark.parametrize('dataset', PUBLISHED)
def test_table_holds_the_published_hashes(dataset, tmp_path):
    reports = fetch_lists(dataset, folder_reader(SPLITS), 'here', tmp_path)
    for report in reports:
        if (dataset, report.name) == ('coco', 'train'):
            assert 'train2017 is not there' in report.error
        else:
            assert report.state == 'fetched', report.error
            assert (
                len(read_list(tmp_path / 'splits' / f'{report.name}.txt'))
                == report.lines
            )


@needs_lists
def test_train_list_is_the_union_of_a_published_split(tmp_path):
    train = (SPLITS / 'cityscapes/train.txt').read_text().splitlines()
    labeled = (SPLITS / 'cityscapes/1_16.txt').read_text().splitlines()
    for name in ('1_16/labeled', '1_16/unlabeled'):
        (tmp_path / 'cityscapes/1_16').mkdir(parents=True, exist_ok=True)
        part = (
            labeled
            if name.endswith('/labeled')
            else sorted(set(train) - set(labeled), reverse=True)
        )
        (tmp_path / f'cityscapes/{name}.txt').write_text('\n'.join(part))
    reports = fetch_lists(
        'cityscapes', folder_reader(tmp_path), 'here', tmp_path / 'data'
    )
    assert {r.name for r in reports if not r.error} == {'train', '1_16'}


@needs_lists
def test_tool_downloads_what_is_missing(tool, serve, tmp_path):
    url, asked = serve(SPLITS)
    args = ('pascal', '--url', url, '--data-root', tmp_path)
    code, out = tool(*args)
    assert code == 0 and '13 of 13 lists' in out
    (tmp_path / 'splits/92.txt').unlink()
    asked.clear()
    assert tool(*args)[0] == 0
    assert {path.rsplit('/', 1)[1] for path, _ in asked} <= {'92.txt', 'labeled.txt'}


@pytest.mark.parametrize('folder', ['', 'splits', 'splits/toys'])
def test_layout_of_the_repository(folder, repository, published, tmp_path):
    read = folder_reader(repository / folder)
    reports = fetch_lists('toy', read, 'clone', tmp_path)
    assert [r.state for r in reports] == ['fetched'] * 3
    for name, text in published.items():
        assert (tmp_path / f'splits/{name}.txt').read_text() == text


def test_download_and_second_run(repository, published, serve, tmp_path):
    url, asked = serve(repository / 'splits')
    read = url_reader(url)
    assert not any(r.error for r in fetch_lists('toy', read, url, tmp_path))
    asked.clear()
    again = fetch_lists('toy', read, url, tmp_path)
    assert [r.state for r in again] == ['there already'] * 3
    assert asked == []


def test_wrong_content_is_refused(repository, published, tmp_path):
    file = repository / 'splits/toys/1_3/labeled.txt'
    file.write_text(lines_of(5, 3))
    reports = {
        r.name: r
        for r in fetch_lists('toy', folder_reader(repository), 'clone', tmp_path)
    }
    error = reports['1_3'].error
    found = hashlib.sha256(lines_of(5, 3).encode()).hexdigest()
    assert 'clone/splits/toys/1_3/labeled.txt' in error
    assert PUBLISHED['toy'].lists['1_3'].sha256 in error and found in error
    assert 'https://lists.invalid/toy' in error
    assert not (tmp_path / 'splits/1_3.txt').exists()
    assert reports['full'].error  # it is derived from this split
    assert reports['val'].state == 'fetched'


def test_a_list_of_ones_own_is_not_overwritten(repository, published, tmp_path):
    mine = tmp_path / 'splits/1_3.txt'
    mine.parent.mkdir()
    mine.write_text(lines_of(1))
    reports = {
        r.name: r
        for r in fetch_lists('toy', folder_reader(repository), 'clone', tmp_path)
    }
    assert str(mine) in reports['1_3'].error
    assert 'Move or delete' in reports['1_3'].error
    assert mine.read_text() == lines_of(1)


def test_missing_list_names_the_cure(repository, published, tmp_path):
    (repository / 'splits/toys/val.txt').unlink()
    reports = {
        r.name: r
        for r in fetch_lists('toy', folder_reader(repository), 'clone', tmp_path)
    }
    assert 'clone holds no toy list val' in reports['val'].error
    assert '--from' in reports['val'].error
    assert not reports['1_3'].error


def test_normalised_is_the_same_for_every_editor():
    text = '\ufeffa.jpg   a.png\r\n\r\n b.jpg\tb.png \n'
    assert normalise(text.encode(), 'x') == 'a.jpg a.png\nb.jpg b.png\n'
    with pytest.raises(ValueError, match='x is no list'):
        normalise(b'\xff\xfe\x00', 'x')


@pytest.mark.parametrize(
    'path',
    [
        '../a.jpg',
        'img/../../a.jpg',
        '/etc/passwd',
        '\\\\host\\a',
        'C:\\a.jpg',
        'img\\..\\..\\a.jpg',
    ],
)
def test_paths_out_of_the_data_root_are_refused(path):
    with pytest.raises(ValueError, match='leads out of the data root'):
        normalise(f'ok.jpg ok.png\n{path} ok.png\n'.encode(), 'list')


def test_server_trouble_is_one_error(published, tmp_path):
    with pytest.raises(ValueError, match='no http'):
        url_reader('file:///etc')
    server = ThreadingHTTPServer(('127.0.0.1', 0), SimpleHTTPRequestHandler)
    url = f'http://127.0.0.1:{server.server_port}'
    server.server_close()  # nobody listens there now
    with pytest.raises(ConnectionError, match='--from'):
        fetch_lists('toy', url_reader(url, 5), url, tmp_path)


def test_coco_train_list_from_the_images(monkeypatch, tmp_path):
    lists = {'train': PublishedList(3, None)}
    monkeypatch.setitem(PUBLISHED, 'coco', PUBLISHED['coco']._replace(lists=lists))
    (tmp_path / 'train2017').mkdir()
    for i in (30, 10):
        (tmp_path / f'train2017/{i:012}.jpg').touch()
    read = folder_reader(tmp_path)
    assert 'found 2' in fetch_lists('coco', read, 'x', tmp_path)[0].error
    (tmp_path / f'train2017/{20:012}.jpg').touch()
    assert fetch_lists('coco', read, 'x', tmp_path)[0].lines == 3
    entries = read_list(tmp_path / 'splits/train.txt')
    assert [e.image for e in entries] == [
        f'train2017/{i:012}.jpg' for i in (10, 20, 30)
    ]
    assert entries[0].mask == f'masks/{10:012}.png'


def test_tool_generates_for_any_data(tiny_data, tmp_path):
    for folder in ('images', 'labels'):
        (tmp_path / folder).symlink_to(tiny_data / folder)
    (tmp_path / 'lists').mkdir()
    (tmp_path / 'lists/all.txt').write_text(
        (tiny_data / 'splits/train.txt').read_text()
    )
    run(
        'python',
        TOOL,
        'mine',
        '--generate',
        '3',
        '--data-root',
        tmp_path,
        '--train-list',
        'lists/all.txt',
        '--parts',
        '4',
        '--workers',
        '2',
    )
    assert len(read_list(tmp_path / 'splits/seed3_1_4.txt')) == 2


def test_tool_says_what_is_wrong(tool, repository, published, tmp_path):
    code, out = tool('mine')
    assert code == 2 and 'no lists are published' in out
    code, out = tool('pascal', '--from', tmp_path / 'nowhere')
    assert code == 1 and f'There is no folder {tmp_path / "nowhere"}' in out
    (repository / 'splits/toys/val.txt').unlink()
    code, out = tool('toy', '--from', repository, '--data-root', tmp_path)
    assert code == 1 and 'holds no toy list val' in out
    assert '2 of 3 lists' in out


def test_tool_names_repositories_and_licences(tool):
    code, out = tool('--help')
    assert code == 0
    for splits in PUBLISHED.values():
        assert splits.repository in out and splits.licence in out

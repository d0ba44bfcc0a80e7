"""The published lists: fetched, verified, derived."""

import hashlib
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mmsemi.datasets import read_list
from mmsemi.preparation.splits.published import (
    fetch_lists,
    folder_reader,
    normalise,
    url_reader,
)
from mmsemi.preparation.splits.table import PUBLISHED, PublishedList
from tests.helpers.splits import (
    SPLITS,
    lines_of,
    needs_lists,
    publish_toy,
    serving,
    toy_repository,
)


@pytest.fixture
def published(monkeypatch):
    return publish_toy(monkeypatch)


@pytest.fixture
def repository(tmp_path, published):
    return toy_repository(tmp_path / 'clone', published)


@needs_lists
@pytest.mark.parametrize('dataset', [d for d in PUBLISHED if not PUBLISHED[d].root])
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


def ade20k(folder, name, lines):
    file = folder / f'splits/ade20k/{name}/labeled.txt'
    file.parent.mkdir(parents=True)
    file.write_text('\n'.join(lines))


@needs_lists
def test_lists_of_unimatch_v2_for_ade20k(tmp_path):
    """Its 1/16 and 1/8 are the others', its 1/32 has one image less."""
    for name, count in (('1_32', 631), ('1_16', 1263), ('1_8', 2526)):
        lines = (SPLITS / f'ade20k/{name}.txt').read_text().splitlines()
        ade20k(tmp_path / 'clone', name, lines[:count])
    reports = fetch_lists(
        'ade20k_v2', folder_reader(tmp_path / 'clone'), 'clone', tmp_path
    )
    assert {r.name: r.lines for r in reports if not r.error} == {
        'v2_1_32': 631,
        'v2_1_16': 1263,
        'v2_1_8': 2526,
    }
    assert len(read_list(tmp_path / 'splits/v2_1_32.txt')) == 631


def test_lists_without_a_known_hash_have_the_right_length(tmp_path):
    lines = [f'images/{i}.jpg annotations/{i}.png' for i in range(316)]
    ade20k(tmp_path / 'short', '1_64', lines[1:])
    ade20k(tmp_path / 'clone', '1_64', lines)
    extra = tmp_path / 'clone/splits/cityscapes/all/unlabeled.txt'
    extra.parent.mkdir(parents=True)
    extra.write_text(''.join(f'leftImg8bit/{i}.png None\n' for i in range(19998)))

    def fetched(dataset, folder):
        read = folder_reader(tmp_path / folder)
        return fetch_lists(dataset, read, folder, tmp_path / 'data')[0]

    assert 'expected 316 different lines, found 315' in fetched('ade20k_v2', 'short')[3]
    assert fetched('ade20k_v2', 'clone').state == 'fetched'
    assert fetched('cityscapes_v2', 'clone').lines == 19998


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


@pytest.mark.parametrize('folder', ['', 'splits', 'splits/toys'])
def test_layout_of_the_repository(folder, repository, published, tmp_path):
    read = folder_reader(repository / folder)
    reports = fetch_lists('toy', read, 'clone', tmp_path)
    assert [r.state for r in reports] == ['fetched'] * 3
    for name, text in published.items():
        assert (tmp_path / f'splits/{name}.txt').read_text() == text


def test_download_and_second_run(repository, published, tmp_path):
    with serving(repository / 'splits') as (url, asked):
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
    server.server_close()  # nothing listens there any more
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

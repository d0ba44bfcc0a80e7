"""The built-in data set: made once and completely, replacing nothing else."""

import multiprocessing
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from mmsemi.datasets import ensure_scenes, read_list
from mmsemi.datasets.scenes import SCENES_CLASSES, SCENES_PALETTE
from mmsemi.datasets.scenes import make as scenes
from mmsemi.datasets.scenes.render import render_scene
from tests.helpers.scenes import SMALL, files, pixels

LISTS = dict(train=40, val=16, **{'1_4': 10})


def test_lists_and_files(root):
    lists = {path.stem: read_list(path) for path in (root / 'splits').iterdir()}
    assert set(lists) == {'train', 'val', '1_32', '1_16', '1_8', '1_4'}
    for name, entries in lists.items():
        assert len(entries) == len(set(entries)) == LISTS.get(name, len(entries))
        shown = set()
        for image, mask in entries:
            image, mask = Image.open(root / image), Image.open(root / mask)
            assert image.mode == 'RGB' and mask.mode == 'P'
            assert image.size == mask.size == SMALL['size']
            assert mask.getpalette()[:24] == sum(SCENES_PALETTE, [])
            shown |= set(np.unique(np.asarray(mask)).tolist())
        assert shown == set(range(len(SCENES_CLASSES)))
    for smaller, larger in pairwise(('1_32', '1_16', '1_8', '1_4', 'train')):
        assert set(lists[smaller]) <= set(lists[larger])
    assert not set(lists['train']) & set(lists['val'])
    assert sum(1 for _ in root.rglob('*.png')) == 2 * (40 + 16)


def test_default_lists(tmp_path, monkeypatch):
    mask = np.arange(64, dtype=np.uint8).reshape(8, 8) // 8
    monkeypatch.setattr(
        scenes, 'render_scene', lambda key, size: (np.zeros((8, 8, 3), np.uint8), mask)
    )
    made = ensure_scenes(tmp_path / 'scenes') / 'splits'
    assert {path.stem: len(read_list(path)) for path in made.iterdir()} == {
        'train': 320,
        'val': 80,
        '1_32': 10,
        '1_16': 20,
        '1_8': 40,
        '1_4': 80,
    }


def test_saved_pixels_are_the_rendered_ones(root):
    image, mask = render_scene((SMALL['seed'], 1, 4), SMALL['size'][::-1])
    saved = Image.open(root / 'images' / 'val' / '0005.png')
    assert np.array_equal(np.asarray(saved), image)
    saved = Image.open(root / 'labels' / 'val' / '0005.png')
    assert np.array_equal(np.asarray(saved), mask)


def test_made_once(root):
    before = files(root)
    assert ensure_scenes(str(root), **SMALL) == root
    assert files(root) == before
    assert [path.name for path in root.parent.iterdir()] == [root.name]


@pytest.mark.parametrize(
    'change', [dict(seed=4), dict(num_train=41), dict(num_val=17), dict(size=(36, 48))]
)
def test_other_parameters(root, change):
    before = files(root)
    with pytest.raises(FileExistsError) as error:
        ensure_scenes(root, **{**SMALL, **change})
    for word in (str(root), 'wanted', 'Move or delete', 'MMSEMI_DATA'):
        assert word in str(error.value)
    assert files(root) == before


def test_other_version(root, monkeypatch):
    monkeypatch.setattr(scenes, 'VERSION', scenes.VERSION + 1)
    with pytest.raises(FileExistsError, match='"version"'):
        ensure_scenes(root, **SMALL)


@pytest.mark.parametrize(
    'name, text',
    [('holiday.jpg', 'mine'), ('scenes.json', 'not ours'), ('scenes.json', '[]')],
)
def test_leaves_foreign_files(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(FileExistsError, match='cannot take the built-in'):
        ensure_scenes(tmp_path, **SMALL)
    assert pixels(tmp_path) == {name: text.encode()}


def test_root_is_a_file(tmp_path):
    (tmp_path / 'scenes').write_text('mine')
    with pytest.raises(FileExistsError, match='cannot take'):
        ensure_scenes(tmp_path / 'scenes', **SMALL)
    assert (tmp_path / 'scenes').read_text() == 'mine'


def test_default_root_and_empty_folder(tmp_path, monkeypatch, root):
    monkeypatch.setenv('MMSEMI_DATA', str(tmp_path / 'here'))
    (tmp_path / 'here' / 'scenes').mkdir(parents=True)
    made = ensure_scenes(**SMALL)
    assert made == tmp_path / 'here' / 'scenes'
    assert pixels(made) == pixels(root)
    monkeypatch.delenv('MMSEMI_DATA')
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'data' / 'scenes').mkdir(parents=True)
    (tmp_path / 'data' / 'scenes' / 'mine').touch()
    with pytest.raises(FileExistsError, match='data/scenes'):
        ensure_scenes(**SMALL)


def test_failure_leaves_nothing(tmp_path, monkeypatch):

    def fail(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(scenes, '_cover', fail)
    with pytest.raises(KeyboardInterrupt):
        ensure_scenes(tmp_path / 'scenes', **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_second_of_two_takes_the_first_ones(tmp_path, monkeypatch):
    """Another process finishes first."""
    make, seen = scenes._make, []

    def make_late(root, wanted):
        make(root, wanted)
        if not seen:
            seen.append(None)
            ensure_scenes(tmp_path / 'scenes', **SMALL)
            seen.append(files(tmp_path / 'scenes'))

    monkeypatch.setattr(scenes, '_make', make_late)
    made = ensure_scenes(tmp_path / 'scenes', **SMALL)
    assert files(made) == seen[1]
    assert [path.name for path in tmp_path.iterdir()] == ['scenes']


def _ensure(root, barrier, queue):
    barrier.wait(60)
    queue.put(str(ensure_scenes(root, **SMALL)))


def test_two_processes_at_once(tmp_path, root):
    context = multiprocessing.get_context('fork')
    barrier, queue = context.Barrier(2), context.Queue()
    target = tmp_path / 'scenes'
    both = [
        context.Process(target=_ensure, args=(target, barrier, queue)) for _ in range(2)
    ]
    for process in both:
        process.start()
    for process in both:
        process.join(120)
    assert [process.exitcode for process in both] == [0, 0]
    assert [queue.get(timeout=5) for _ in both] == [str(target)] * 2
    assert pixels(target) == pixels(root)
    assert [path.name for path in tmp_path.iterdir()] == ['scenes']


@pytest.mark.parametrize(
    'wrong', [dict(seed=-1), dict(num_train=0), dict(num_val=0), dict(size=(31, 40))]
)
def test_bad_arguments(tmp_path, wrong):
    with pytest.raises(ValueError, match='The built-in scenes need'):
        ensure_scenes(tmp_path / 'scenes', **{**SMALL, **wrong})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('option', ['num_train', 'num_val'])
def test_too_few_to_show_every_class(tmp_path, option):
    with pytest.raises(ValueError, match=f'{option}=1 .* show no .*Set more'):
        ensure_scenes(tmp_path / 'scenes', **{**SMALL, option: 1})
    assert list(tmp_path.iterdir()) == []

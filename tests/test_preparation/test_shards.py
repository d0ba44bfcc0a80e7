"""Files in shards are those of the folder, and what does not fit is said."""

import shutil
import tarfile

import fsspec
import numpy as np
import pytest

from mmsemi.apis import open_images
from mmsemi.datasets import ListSegDataset
from mmsemi.engine.runner.checks import check_val_set
from mmsemi.preparation.shards import index_shards, write_shards
from mmsemi.utils.images import image_size, write_indices
from mmsemi.utils.storage import ShardError, ShardIndex, local_copy, read_bytes
from mmsemi.utils.storage.shards import read_member
from tests.helpers.tools import call

NAMES = [f'images/{i} ä.png' for i in range(6)] + [f'{"long/" * 40}1.png']


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """A folder of images and masks with blanks, unicode, long names; its shards."""
    root = tmp_path_factory.mktemp('made')
    draw = np.random.default_rng(0)
    for i, name in enumerate(NAMES):
        shape = (3 + i, 500 * i + 5)
        write_indices(root / 'data' / name, draw.integers(0, 256, shape, np.uint8))
        write_indices(root / f'data/m/{i}.png', np.full(shape, i % 2, np.uint8))
    lines = [f'./{name}\tm//{i}.png\n' for i, name in enumerate(NAMES)]
    (root / 'data/train.txt').write_text(''.join(lines))
    (root / 'data/val.txt').write_text(''.join(lines[:2]))
    output = call(
        'mmsemi',
        *('shard', 'train.txt', 'val.txt', '--data-root', root / 'data'),
        *('--out', root / 'shards', '--shard-gb', 15e-6),
    )
    count = len(list(root.glob('shards/*.tar')))
    assert count > 2 and f'16 files in {count} shards' in output
    return root


@pytest.fixture
def shards(made, tmp_path, monkeypatch):
    """A copy of the shards, to damage."""
    monkeypatch.setenv('MMSEMI_CACHE', str(tmp_path / 'cache'))
    return shutil.copytree(made / 'shards', tmp_path / 'shards')


def dataset(root, ann_file='train.txt', **kwargs):
    pipeline = [dict(type='LoadSegImage'), dict(type='LoadSegMask')]
    return ListSegDataset(
        ann_file,
        str(root),
        metainfo=dict(classes=('a', 'b')),
        pipeline=pipeline,
        **kwargs,
    )


def samples(*args, **kwargs):
    return [
        (each['img'].tolist(), each['gt_seg_map'].tolist())
        for each in dataset(*args, **kwargs)
    ]


def test_samples_are_those_of_the_folder(made, shards, tmp_path):
    expected = samples(made / 'data')
    index = shards / 'index.shards'
    assert samples(index) == expected
    assert samples(index, cache_dir=str(tmp_path / 'decoded')) == expected
    assert samples(index, ann_file=str(made / 'data/train.txt')) == expected
    first = f'shards://{index}/{NAMES[1]}'
    assert image_size(first) == (4, 505)
    assert local_copy(first).read_bytes() == (made / 'data' / NAMES[1]).read_bytes()


def test_a_list_to_predict(made, shards):
    """By the names that it has, also with a dot before them."""
    images = open_images(made / 'data/train.txt', str(shards / 'index.shards'))
    named = dict(images)
    assert list(named) == NAMES
    assert all(
        read_bytes(path) == (made / 'data' / n).read_bytes() for n, path in images
    )


def test_the_same_lists_give_the_same_shards(made, tmp_path):
    lists = ['train.txt', 'val.txt']
    write_shards(lists, str(made / 'data'), str(tmp_path), 15e3)
    for file in (made / 'shards').iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes()
    with pytest.raises(FileExistsError, match=r'index\.shards exists'):
        write_shards(lists, str(made / 'data'), str(tmp_path), 15e3)


def test_shards_at_an_address(made, tmp_path, monkeypatch):
    monkeypatch.setenv('MMSEMI_CACHE', str(tmp_path))
    store = fsspec.filesystem('memory')
    store.store.clear()
    store.put(f'{made}/data', '/b/data', recursive=True)
    write_shards(['train.txt'], 'memory://b/data', 'memory://b/shards', 15e3)
    store.rm('/b/data', recursive=True)
    expected = samples(made / 'data')
    assert samples('memory://b/shards/index.shards') == expected
    # Other shards under the same names: no copy of the former is taken for them.
    write_indices(tmp_path / 'new/images/0 ä.png', np.full((9, 5), 1, np.uint8))
    (tmp_path / 'new/train.txt').write_text('images/0 ä.png\timages/0 ä.png\n')
    store.rm('/b/shards', recursive=True)
    write_shards(['train.txt'], str(tmp_path / 'new'), 'memory://b/shards', 1e9)
    assert len(samples('memory://b/shards/index.shards')[0][0]) == 9
    store.store.clear()


def test_shards_of_others_are_indexed(made, tmp_path):
    for k in (0, 1):
        with tarfile.open(tmp_path / f'{k}.tar', 'w', format=tarfile.GNU_FORMAT) as tar:
            for i in range(3 * k, 3 * k + 3):
                tar.add(made / 'data' / NAMES[i], f'./{i:03d} ü.jpg')
                tar.add(made / f'data/m/{i}.png', f'./{i:03d} ü.png')
    call('mmsemi', 'shard', '--index', tmp_path, '--workers', '1')
    (tmp_path / 'list.txt').write_text('005 ü.jpg\t005 ü.png\n')
    (sample,) = samples(tmp_path / 'index.shards', str(tmp_path / 'list.txt'))
    assert sample == samples(made / 'data')[5]
    shutil.copy(tmp_path / '0.tar', tmp_path / '2.tar')
    with pytest.raises(ShardError, match=r'6 names occur twice.*0\.tar and 2\.tar'):
        index_shards(str(tmp_path))


def test_missing_member(shards):
    path = f'shards://{shards}/index.shards/none.png'
    with pytest.raises(FileNotFoundError, match=r'index\.shards has no file none\.png'):
        read_bytes(path)


def test_missing_members_are_found_before_training(made, shards):
    lines = (made / 'data/val.txt').read_text()
    (shards / 'list.txt').write_text(f'{lines}none.png\tm/0.png\n')
    data = dataset(shards / 'index.shards', str(shards / 'list.txt'))
    with pytest.raises(FileNotFoundError, match=r'index\.shards/none\.png'):
        check_val_set(data)


def cut(folder):
    file = folder / 'shard-000001.tar'
    file.write_bytes(file.read_bytes()[:-600])


def swap(folder):
    shutil.copy(folder / 'shard-000000.tar', folder / 'shard-000001.tar')


def lose(folder):
    (folder / 'shard-000001.tar').unlink()


def flip(folder):
    file = folder / 'index.shards'
    file.write_bytes(file.read_bytes()[:-1] + b'?')


def shorten(folder):
    file = folder / 'index.shards'
    file.write_bytes(file.read_bytes()[:100])


@pytest.mark.parametrize(
    'damage, said',
    [
        (cut, 'shard-000001.tar has .* bytes instead of .*'),
        (swap, 'shard-000001.tar has .* bytes instead of .*'),
        (lose, 'shard-000001.tar is missing'),
        (flip, 'index.shards is damaged.*check sum'),
        (shorten, 'index.shards is damaged.*check sum'),
        (lambda folder: (folder / 'index.shards').write_bytes(b''), 'is damaged'),
    ],
)
def test_damage_is_found_before_training(shards, damage, said):
    damage(shards)
    with pytest.raises(ShardError, match=said):
        dataset(shards / 'index.shards')


def test_damage_inside_a_shard(shards):
    index = ShardIndex(f'shards://{shards}/index.shards')
    member = index.find(NAMES[2])
    with open(member.shard, 'r+b') as file:
        file.seek(member.start + member.size - 20)
        file.write(b'other bytes')
    with pytest.raises(ShardError, match=f'does not hold {NAMES[2]}'):
        read_member(f'shards://{shards}/index.shards', NAMES[2])
    data = dataset(shards / 'index.shards')
    with pytest.raises(ValueError, match=f'The image .*{NAMES[2]} cannot be read'):
        data[2]


@pytest.mark.parametrize('lost', [0, 1, 600, 2000])
def test_a_shard_cut_short_is_not_indexed(shards, lost):
    file = shards / 'shard-000001.tar'
    with tarfile.open(file) as tar:
        last = tar.getmembers()[-1]
    end = last.offset_data + -(-last.size // 512) * 512
    file.write_bytes(file.read_bytes()[: end - lost])
    with pytest.raises(ValueError, match=r'shard-000001\.tar is damaged, cut short'):
        index_shards(str(shards))


@pytest.mark.parametrize(
    'line, said',
    [('none.png\n', 'There is no .*none.png'), ('/etc/1.png\n', 'names /etc/1.png')],
)
def test_unfit_lists_write_nothing(made, tmp_path, line, said):
    (tmp_path / 'list.txt').write_text(line)
    output = call(
        'mmsemi',
        *('shard', tmp_path / 'list.txt', '--data-root', made / 'data'),
        *('--out', tmp_path / 'out'),
        ok=False,
    )
    assert said.split('.*')[-1] in output
    assert not list(tmp_path.glob('out/*'))


def test_options_exclude_one_another(tmp_path):
    assert '--data-root and --out' in call('mmsemi', 'shard', 'list.txt', ok=False)
    assert 'takes no lists' in call(
        'mmsemi', 'shard', 'list.txt', '--index', tmp_path, ok=False
    )

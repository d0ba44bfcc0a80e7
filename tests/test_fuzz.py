"""Lists, masks, images, settings and class files with any content.

``pytest tests/test_fuzz.py tests/test_utils/test_checkpoint.py
--hypothesis-profile fuzz --hypothesis-show-statistics`` tries many more, other
ones every time.
"""

import argparse
import io
import os.path as osp
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mmengine.config import Config
from PIL import Image

from mmsemi.datasets import list_line, read_list
from mmsemi.datasets.lists import locate
from mmsemi.datasets.transforms import FaultyFile, LoadSegImage, LoadSegMask
from mmsemi.preparation.own.classes import read_classes
from mmsemi.preparation.own.dataset_config import Images, dataset_text
from mmsemi.preparation.own.strong_view import Proposal
from mmsemi.utils.config import add_config_arguments, load_config

H, W, CLASSES = 12, 20, 5
TEXT = st.text(max_size=12)


@pytest.fixture(scope='module')
def folder():
    with TemporaryDirectory() as folder:
        yield Path(folder)


@given(rows=st.lists(st.tuples(TEXT, st.none() | TEXT), min_size=1, max_size=4))
@example(rows=[('a b.jpg', None)])
@example(rows=[('\x85\u2028.jpg', 'b\x1c.png')])
def test_a_list_is_read_as_it_was_written(folder, rows):
    """Unless a name in it is refused when it is written."""
    try:
        text = ''.join(list_line(*row) for row in rows)
    except ValueError as error:
        assert 'cannot be in a list' in str(error)
        return
    file = folder / 'list.txt'
    file.write_bytes(text.encode())
    assert read_list(file) == rows


@given(
    content=st.binary(max_size=60)
    | st.text('ab/. \t\r\n\ufeff\0\u3000', max_size=30).map(str.encode)
)
def test_any_list_is_names_or_refused(folder, content):
    file = folder / 'list.txt'
    file.write_bytes(content)
    try:
        entries = read_list(file)
    except ValueError as error:
        assert str(file) in str(error)
    else:
        for entry in entries:
            assert entry.image and entry.mask != ''
            assert not set(''.join(filter(None, entry))) & set('\0\t\r\n')


@given(
    name=TEXT
    | st.lists(st.sampled_from(['..', '.', '', 'a', 'root', 'root2', '/'])).map(
        '/'.join
    )
)
def test_no_name_leads_out_of_the_data_root(name):
    root = '/folder/root'
    try:
        path = locate(root, name, 'list.txt')
    except ValueError as error:
        assert 'outside the data root' in str(error)
        assert not f'{osp.normpath(osp.join(root, name))}/'.startswith(f'{root}/')
    else:
        assert f'{osp.normpath(path)}/'.startswith(f'{root}/')


def encoded(form, mode, **kwargs):
    pixels = np.random.RandomState(0).randint(0, CLASSES, (H, W), np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(content, form, **kwargs)
    return content.getvalue()


FILES = [
    encoded('PNG', 'L'),
    encoded('PNG', 'P'),
    encoded('BMP', 'L'),
    encoded('TIFF', 'L', compression='tiff_lzw'),
    encoded('JPEG', 'RGB'),
    encoded('GIF', 'P'),
]


@st.composite
def damaged(draw):
    """Draw a file that is truncated, has changed bytes, or another end."""
    content = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(0, 3))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    content = content[: draw(st.integers(0, len(content)))]
    return bytes(content) + draw(st.binary(max_size=8))


@pytest.mark.filterwarnings('ignore')
@given(content=damaged() | st.binary(max_size=60))
def test_a_damaged_mask_is_a_mask_or_refused(folder, content):
    file = folder / 'mask.png'
    file.write_bytes(content)
    results = dict(
        img_path='a.jpg', seg_map_path=str(file), ori_shape=(H, W), num_classes=CLASSES
    )
    try:
        mask = LoadSegMask()(results)['gt_seg_map']
    except FaultyFile as error:
        assert str(file) in str(error)
    else:
        assert mask.shape == (H, W) and mask.dtype == np.uint8
        assert set(np.unique(mask)) <= {*range(CLASSES), 255}


@pytest.mark.parametrize(
    'options', [{}, dict(value_range=(0, 255)), dict(channels=1, value_range=(0, 255))]
)
@given(content=damaged() | st.binary(max_size=60))
def test_a_damaged_image_is_an_image_or_refused(folder, options, content):
    file = folder / 'image.png'
    file.write_bytes(content)
    try:
        image = LoadSegImage(**options)(dict(img_path=str(file)))['img']
    except ValueError as error:  # faulty, or needs a package
        assert str(file) in str(error)
    else:
        assert image.shape[2:] == (options.get('channels', 3),)
        assert image.dtype == np.uint8


def parse(*options):
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    add_config_arguments(parser)
    return parser.parse_args(['a.py', '--cfg-options', *options])


@example(value="']1 ,[")
@given(value=st.text('a1,.[](){}\'"= /', max_size=12) | TEXT)
def test_settings_are_taken_or_refused(value):
    """A data root is taken literally."""
    assert parse(f'data_root={value}').cfg_options == dict(data_root=value)
    for options in ((f'key={value}',), (value,)):
        if options[0].startswith('-'):
            continue
        try:
            assert len(parse(*options).cfg_options) == 1
        except SystemExit as error:
            assert error.code == 2


@given(config=TEXT)
def test_no_other_config_than_a_file(config):
    if osp.isfile(config):
        return
    args = parse('_a=1')
    args.config = config
    error = IsADirectoryError if osp.isdir(config) else FileNotFoundError
    with pytest.raises(error, match='There is no config|is a folder'):
        load_config(args)


@given(data=TEXT.filter(lambda text: '\0' not in text))
def test_a_data_folder_of_any_name(folder, data):
    args = parse('_a=1')
    args.config = str(folder / 'config.py')
    Path(args.config).write_text("data_root = '{{$MMSEMI_DATA:data}}/x'")
    with pytest.MonkeyPatch.context() as patch:
        try:
            patch.setenv('MMSEMI_DATA', data)
        except UnicodeEncodeError:
            return
        patch.setenv('TORCH_HOME', 'x')
        try:
            cfg = load_config(args)
        except ValueError as error:
            assert 'MMSEMI_DATA' in str(error)
        else:
            assert cfg.data_root == f'{data or "data"}/x'


@given(names=st.lists(TEXT, min_size=1, max_size=4))
def test_classes_of_any_name_make_a_config(folder, names):
    file = folder / 'classes.txt'
    file.write_text('\n'.join(names), errors='replace')
    try:
        table = read_classes(file)
    except ValueError as error:
        assert str(file) in str(error)
        return
    images = Images(
        channels=3, crop=33, large=False, value_range=None, mean=None, std=None
    )
    config = folder / 'config.py'
    config.write_text(
        dataset_text(
            folder,
            Path(__file__).parents[1] / 'configs',
            'Two images.',
            repr(str(folder)),
            table,
            images,
            2,
            0,
            Proposal({}, ()),
        )
    )
    metainfo = Config.fromfile(str(config)).metainfo
    assert tuple(metainfo.classes) == table.names

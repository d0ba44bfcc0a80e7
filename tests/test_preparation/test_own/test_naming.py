"""Images and masks are found and matched by their names."""

from pathlib import Path

import pytest

from mmsemi.preparation.own.naming import (
    Mark,
    by_name,
    cut,
    find_files,
    guess,
    pair_files,
    tell_apart,
)


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return [folder / name for name in names]


@pytest.mark.parametrize(
    'name, suffix, key',
    [
        ('a/1.JPG', '', 'a/1'),
        ('a/1_mask.png', '_mask', 'a/1'),
        ('a/1_mask.PNG', '_mask.png', 'a/1'),
        ('a/1_MASK.png', '_mask.png', None),
        ('a/1.png', '.png', 'a/1'),
        ('a/1.jpg', '.png', None),
        ('a/v1.5_seg.png', '_seg', 'a/v1.5'),
        ('a/1.png', '_seg', None),
    ],
)
def test_name_that_image_and_mask_share(name, suffix, key):
    assert cut(name, Mark(suffix)) == key


def test_upper_case_and_nested_folders(tmp_path):
    photos = touch(tmp_path / 'p', 'b/2.JPG', 'b/1.jpeg', 'c/d/1.TIF')
    touch(tmp_path / 'p', '.hidden/3.png', '__MACOSX/4.png', 'notes.txt')
    masks = touch(tmp_path / 'm', 'b/1.PNG', 'b/2.png', 'c/d/1.png')
    assert find_files(tmp_path / 'p') == sorted(photos)
    pairs, alone = pair_files(
        by_name(tmp_path / 'p', photos), by_name(tmp_path / 'm', masks)
    )
    assert not alone and len(pairs) == 3
    assert all(image.parent.name == mask.parent.name for image, mask in pairs)


def test_an_empty_folder_says_what_it_holds(tmp_path):
    touch(tmp_path, 'a.gif', 'b.gif', 'c.txt')
    with pytest.raises(FileNotFoundError, match='It holds other files: 2 .gif, 1 .txt'):
        find_files(tmp_path)
    (file,) = touch(tmp_path, 'a.png')
    with pytest.raises(FileNotFoundError, match='All 1 images .* are left out'):
        find_files(tmp_path, without=[file])


@pytest.mark.parametrize(
    'image_suffix, mask_suffix, photos, masks',
    [
        ('', '_mask', ['1.jpg', '2.png', 'x/3.PNG'], ['1_mask.png', 'x/3_mask.png']),
        ('', '.png', ['1.jpg', 'x/2.JPG'], ['1.png', 'x/2.png']),
        ('', '_seg.png', ['1.png', '2_seg.jpg'], ['1_seg.png']),
        ('_sat', '_mask', ['1_sat.jpg', '2_sat.jpg'], ['1_mask.png']),
        ('', '_mask', ['gas_mask.jpg', 'cup.jpg'], ['gas_mask_mask.png']),
    ],
)
def test_one_folder(tmp_path, image_suffix, mask_suffix, photos, masks):
    photos, masks = touch(tmp_path, *photos), touch(tmp_path, *masks)
    marks = Mark(image_suffix), Mark(mask_suffix)
    found = tell_apart(tmp_path, find_files(tmp_path), *marks)
    assert [set(part) for part in found] == [set(photos), set(masks)]
    pairs, alone = pair_files(
        by_name(tmp_path, found[0], marks[0]),
        by_name(tmp_path, found[1], marks[1]),
        partial=True,
    )
    assert len(pairs) == len(masks) and len(alone) == len(photos) - len(masks)


@pytest.mark.parametrize(
    'names, options',
    [
        (
            ['1.png', '1_mask.png', '2.png', '2_mask.png', '3.png'],
            '--mask-suffix _mask',
        ),
        (['a1.jpg', 'a1-gt.png', 'a2.jpg', 'a2-gt.png'], '--mask-suffix -gt'),
        (['07.png', '07L.png', '08.png', '08L.png'], '--mask-suffix L'),
        (['1.jpg', '1.png', 'x/2.jpg', 'x/2.png'], '--mask-suffix .png'),
        (
            ['1_sat.jpg', '1_mask.png', '2_sat.jpg', '2_mask.png'],
            '--image-suffix _sat --mask-suffix _mask',
        ),
        (
            ['a/images/1.jpg', 'a/masks/1.png', 'b/images/2.jpg', 'b/masks/2.png'],
            '--replace images masks',
        ),
        (['img_1.png', 'img_2.png', 'gt_1.png', 'gt_2.png'], '--replace img gt'),
        (['1.png', '10.png', '11.png', '1_1.png'], None),
    ],
)
def test_the_suffix_is_proposed(tmp_path, names, options):
    files = touch(tmp_path, *names)
    with pytest.raises(ValueError, match='told apart by --mask-suffix') as error:
        tell_apart(tmp_path, files, Mark(), Mark())
    if options:
        assert f'match with {options}.' in str(error.value)
    else:
        assert 'Give what follows the name' in str(error.value)


def test_a_wrong_suffix_is_named_and_another_proposed(tmp_path):
    files = touch(tmp_path, '1.png', '1_label.png')
    with pytest.raises(ValueError, match='no file ends in _mask.*--mask-suffix _label'):
        tell_apart(tmp_path, files, Mark(), Mark('_mask'))


def test_two_folders_of_other_names():
    images = ['a/1_leftImg8bit.png', 'a/2_leftImg8bit.png']
    masks = ['a/1_gtFine_labelIds.png', 'a/2_gtFine_labelIds.png']
    said = guess(images, masks)
    assert '--image-suffix _leftImg8bit --mask-suffix _gtFine_labelIds' in said
    assert '2 pairs' in said
    assert not guess(['1.jpg', '2.jpg'], ['1.png', '2.png'])
    assert not guess(['a.jpg'], ['b_mask.png'])


def test_files_of_other_endings_are_no_masks(tmp_path):
    masks = touch(tmp_path, '1_ids.png', '1_color.png', '2_ids.png')
    assert set(by_name(tmp_path, masks, Mark('_ids'))) == {'1', '2'}
    with pytest.raises(ValueError, match='share a name'):
        by_name(tmp_path, [*masks, Path(tmp_path / '1_ids.jpg')], Mark('_ids'))


def test_a_word_is_replaced(tmp_path):
    """In one folder and in two, with a suffix as well."""
    photos = touch(tmp_path, 'a/images/1.jpg', 'b/images/1.jpg', 'b/images/2.jpg')
    masks = touch(tmp_path, 'a/masks/1_gt.png', 'b/masks/1_gt.png')
    marks = Mark('', 'images'), Mark('_gt', 'masks')
    found = tell_apart(tmp_path, find_files(tmp_path), *marks)
    assert found == (photos, masks)
    named = [by_name(tmp_path, *pair) for pair in zip(found, marks, strict=True)]
    pairs, alone = pair_files(*named, partial=True)
    assert pairs == [(photos[0], masks[0]), (photos[1], masks[1])]
    assert alone == photos[2:]
    assert '--replace img mask' in guess(
        ['img_1.jpg', 'img_2.jpg'], ['mask_1.png', 'mask_2.png']
    )

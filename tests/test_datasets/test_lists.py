import gc

import pytest

from mmsemi.datasets import ListEntry, ListSegDataset, list_line, read_list


def write(path, text):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_reads_the_published_format(tmp_path):
    file = write(
        tmp_path / 'l.txt', '\ufeffa/1.jpg b/1.png\r\n\na/2.jpg\na b/3.jpg\tb c/3.png'
    )
    assert read_list(file) == [
        ListEntry('a/1.jpg', 'b/1.png'),
        ListEntry('a/2.jpg', None),
        ListEntry('a b/3.jpg', 'b c/3.png'),
    ]


@pytest.mark.parametrize(
    'text, said',
    [
        ('', 'empty'),
        (' \n\n', 'empty'),
        ('a b\na b c\n', 'Line 2 of .* holds 3 names'),
        (b'\xff\xfea', 'not UTF-8'),
    ],
)
def test_names_file_and_fault(tmp_path, text, said):
    file = write(tmp_path / 'l.txt', text)
    with pytest.raises(ValueError, match=said) as error:
        read_list(file)
    assert str(file) in str(error.value)


@pytest.mark.parametrize(
    'line, said',
    [
        ('images\\a.png masks\\a.png', r"separator '\\\\' of Windows. Write /"),
        ('C:\\data\\a.png D:\\m\\a.png', "drive letter 'C:'"),
        ('C:/data/a.png C:/m/a.png', "drive letter 'C:'"),
        ('images/a.png,masks/a.png', r"'.png,', a comma"),
        ('images/a.JPG, masks/a.png', r"'.JPG,', a comma"),
        ('images/a.jpg;masks/a.png', r"'.jpg;', a comma or semicolon"),
    ],
)
def test_other_systems_separators_are_named(tmp_path, line, said):
    file = write(tmp_path / 'l.txt', f'a/1.jpg b/1.png\n{line}\n')
    with pytest.raises(ValueError, match=f'Line 2 of .*{said}'):
        read_list(file)
    with pytest.raises(ValueError, match=said):
        list_line(*line.split(' '))


def test_commas_and_colons_within_names_are_allowed(tmp_path):
    file = write(tmp_path / 'l.txt', 'a,1/v1.25,x.jpg b/12:30.png')
    assert read_list(file) == [ListEntry('a,1/v1.25,x.jpg', 'b/12:30.png')]


def test_missing_list(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere.txt'):
        read_list(tmp_path / 'nowhere.txt')


class TestListSegDataset:
    def test_paths_below_the_data_root(self, tmp_path):
        write(tmp_path / 'l.txt', 'a/1.jpg b/1.png')
        info = ListSegDataset('l.txt', str(tmp_path)).get_data_info(0)
        assert info['img_path'] == str(tmp_path / 'a/1.jpg')
        assert info['seg_map_path'] == str(tmp_path / 'b/1.png')

    def test_masks_that_are_not_needed_are_ignored(self, tmp_path):
        write(tmp_path / 'l.txt', 'a/1.jpg b/1.png\na/2.jpg')
        dataset = ListSegDataset('l.txt', str(tmp_path), need_masks=False)
        assert all('seg_map_path' not in dataset.get_data_info(i) for i in range(2))

    def test_labeled_line_without_mask(self, tmp_path):
        write(tmp_path / 'l.txt', 'a/1.jpg')
        with pytest.raises(ValueError, match='no mask for a/1.jpg'):
            ListSegDataset('l.txt', str(tmp_path))

    def test_no_data_root(self, tmp_path):
        with pytest.raises(ValueError, match='data_root'):
            ListSegDataset('l.txt')
        with pytest.raises(FileNotFoundError, match='MMSEMI_DATA'):
            ListSegDataset('l.txt', str(tmp_path / 'nowhere'))

    def test_subset_and_places(self, tmp_path):
        lines = [f'a/{i}.jpg\tb {i}.png' for i in range(5)]
        write(tmp_path / 'l.txt', '\n'.join(lines))
        dataset = ListSegDataset(
            'l.txt', str(tmp_path), indices=4, serialize_data=False
        )
        assert len(dataset) == 4
        assert dataset.get_data_info(-1)['sample_idx'] == 3
        with pytest.raises(IndexError):
            dataset.get_data_info(4)
        dataset.get_subset_([3, 1])
        assert [dataset.get_data_info(i)['seg_map_path'] for i in range(2)] == [
            str(tmp_path / f'b {i}.png') for i in (3, 1)
        ]

    def test_paths_of_many_images_are_those_of_each(self, tmp_path, monkeypatch):
        monkeypatch.setattr('mmsemi.datasets.list_dataset.AT_ONCE', 3)
        names = ['ä.jpg', 'b.png', 'deep/./c.png', str(tmp_path / 'd.png'), 'e:f.png']
        write(tmp_path / 'l.txt', ''.join(f'{name} 1.png\n' for name in names * 2))
        dataset = ListSegDataset('l.txt', str(tmp_path))
        paths = [dataset.get_data_info(i)['img_path'] for i in range(10)]
        assert paths[0] == str(tmp_path / 'ä.jpg')
        for start, stop in (0, None), (2, 9), (3, 6), (9, 20), (5, 5):
            assert list(dataset.image_paths(start, stop)) == paths[start:stop]
        dataset.get_subset_([3, 1, 7])
        assert list(dataset.image_paths()) == [paths[i] for i in (3, 1, 7)]

    def test_nothing_of_the_list_is_a_python_object(self, tmp_path):
        """Counting references would copy the memory that workers share."""
        write(tmp_path / 'l.txt', 'a/ä.jpg b/1.png\n' * 1000)
        dataset = ListSegDataset('l.txt', str(tmp_path))
        held = gc.get_referents(dataset.__dict__)
        assert not [
            x
            for x in held
            if isinstance(x, (list, tuple, dict, set)) and len(x) >= 1000
        ]
        size = dataset.data_bytes.nbytes + dataset.data_address.nbytes
        assert size == 1000 * (len('a/ä.jpg b/1.png'.encode()) + 8)
        assert dataset.get_data_info(999)['img_path'].endswith('a/ä.jpg')

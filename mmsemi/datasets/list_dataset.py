"""A data set over a list in the published format."""

import os.path as osp
import re
from array import array
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from mmseg.datasets import BaseSegDataset

from mmsemi.registry import DATASETS, FUNCTIONS
from mmsemi.utils.storage import (
    INDEX,
    LOCAL,
    check_shards,
    is_address,
    join_address,
    warm_up,
)

from .lists import iter_list, locate

# Of a name that is more than the path of a file below a folder.
SPECIAL = re.compile(r'^/|\.\.|://')
AT_ONCE = 10000  # lines that are read together


@DATASETS.register_module()
class ListSegDataset(BaseSegDataset):
    """Read an mmseg data set from a list of ``IMAGE MASK`` lines.

    The list (``ann_file``) and the paths in it are relative to
    ``data_root``; everything else is as in
    :class:`mmseg.datasets.BaseSegDataset`.  Used alone for validation and
    test, and by :class:`SemiSegDataset` for labeled and unlabeled images.

    A list of any length is stored as one array of bytes and one of line ends,
    which the loader's workers share.

    Args:
        ann_file (str): The list.
        data_root (str): Folder that the list and its lines are relative to, or
            its address (``s3://bucket/camvid``); or an index of shards that hold
            them (``data/camvid/index.shards``, ``s3://bucket/index.shards``).
        prepare (str, optional): Function of the registry ``FUNCTIONS``, with
            its scope (``mmsemi.ensure_scenes``), that is called with the data
            root and creates the data if they are missing.
        need_masks (bool): Whether every line must name a mask; otherwise
            masks are ignored.  Defaults to True.
        anywhere (bool): Whether lines may name files outside the data root.
            Defaults to False.
        without (Container[str]): Paths of images to leave out.  Defaults to
            none.
        cache_dir (str, optional): Folder on a fast disk for decoded images
            and masks (Pascal 6 GB, Cityscapes 19 GB).  Defaults to None:
            they are decoded every time.
        **kwargs: As in ``BaseSegDataset`` (``metainfo``, ``pipeline``,
            ``reduce_zero_label``, ...).

    Raises:
        ValueError: No data root or no list is given, a line lacks a mask
            that it needs, or a line names a file outside the data root.
        FileNotFoundError: The data root or the list does not exist.
        ShardError: The shards are damaged, or not those of the index.
    """

    _fully_initialized: bool  # set in BaseDataset

    def __init__(
        self,
        ann_file: str = '',
        data_root: str | None = None,
        prepare: str | None = None,
        need_masks: bool = True,
        anywhere: bool = False,
        without: Container[str] = (),
        cache_dir: str | None = None,
        **kwargs: Any,
    ) -> None:
        if not data_root:
            raise ValueError(
                f'{type(self).__name__} was given no `data_root`. Set it in '
                'the config or with `--cfg-options data_root=FOLDER`.'
            )
        if prepare:
            FUNCTIONS.get(prepare)(data_root)
        if osp.basename(data_root) == INDEX and not osp.isdir(data_root):
            if not is_address(data_root):
                data_root = LOCAL + data_root
            check_shards(data_root)
        elif not is_address(data_root) and not osp.isdir(data_root):
            raise FileNotFoundError(
                f'There is no data root {osp.abspath(data_root)}. Put the '
                'data there, or name its folder with `--cfg-options '
                'data_root=FOLDER` or the environment variable MMSEMI_DATA.'
            )
        if not ann_file:
            raise ValueError(
                f'{type(self).__name__} was given no `ann_file`:'
                ' name the list of images in the config.'
            )
        self.need_masks = need_masks
        self.anywhere = anywhere
        self.without = without
        self.cache_dir = cache_dir
        self._below = None if is_address(data_root) else osp.join(data_root, '')
        super().__init__(ann_file=ann_file, data_root=data_root, **kwargs)

    def _join_prefix(self) -> None:
        """Make the list relative to the data root, unless it is an address."""
        if not is_address(self.ann_file):
            super()._join_prefix()

    def full_init(self) -> None:
        """Read the list into the serialized form of ``BaseDataset``."""
        if self._fully_initialized:
            return
        self.serialize_data = True
        self.data_bytes, self.data_address = self._read()
        self._fully_initialized = True
        if self._indices is not None:
            self.get_subset_(self._indices)

    def _read(self) -> tuple[np.ndarray, np.ndarray]:
        """Read the list as joined ``IMAGE TAB MASK`` lines.

        Returns:
            tuple: Their bytes (uint8), and the end of each line (int64).
        """
        lines, ends = bytearray(), array('q')
        for image, mask in iter_list(self.ann_file):
            if self._path(image) in self.without:
                continue
            if not self.need_masks:
                mask = ''
            elif mask is None:
                raise ValueError(
                    f'The list {self.ann_file} names no mask for {image}; '
                    'every image of a labeled or validation list needs '
                    'one ("IMAGE MASK").'
                )
            else:
                self._path(mask)
            lines += f'{image}\t{mask}'.encode()
            ends.append(len(lines))
        return np.frombuffer(lines, np.uint8), np.frombuffer(ends, np.int64)

    def get_data_info(self, idx: int) -> dict:
        """Return mmseg's dict of a line: ``img_path``, ``seg_map_path``, ..."""
        idx = range(len(self))[idx]
        start = self.data_address[idx - 1] if idx else 0
        line = self.data_bytes[start : self.data_address[idx]].tobytes()
        image, mask = line.decode().split('\t')
        classes = self._metainfo.get('classes')
        info = dict(
            img_path=self._path(image),
            seg_fields=[],
            label_map=self.label_map,
            reduce_zero_label=self.reduce_zero_label,
            num_classes=len(classes) if classes else None,
            sample_idx=idx,
        )
        if mask:
            info['seg_map_path'] = self._path(mask)
        if self.cache_dir is not None:
            info['cache_dir'] = self.cache_dir
        return info

    def image_paths(self, start: int = 0, stop: int | None = None) -> Iterator[str]:
        """Yield the paths of the images, many times as fast as one by one.

        Args:
            start (int): The first image.  Defaults to 0.
            stop (int, optional): The one after the last.  Defaults to None: all.
        """
        stop = len(self) if stop is None else min(stop, len(self))
        for first in range(start, stop, AT_ONCE):
            begin = int(self.data_address[first - 1]) if first else 0
            ends = self.data_address[first : min(first + AT_ONCE, stop)]
            lines = self.data_bytes[begin : ends[-1]].tobytes()
            place = 0
            for end in (ends - begin).tolist():
                line, place = lines[place:end], end
                yield self._path(line.partition(b'\t')[0].decode())

    def __getitems__(self, indices: Sequence[int]) -> list[dict]:
        """Load a batch; files at addresses are fetched at the same time."""
        self.fetch(indices)
        return [self[i] for i in indices]

    def fetch(self, indices: Iterable[int]) -> None:
        """Fetch the files of images that are at addresses, all at the same time."""
        if is_address(self.data_root) or self.anywhere:
            infos = [self.get_data_info(i) for i in indices]
            keys = ('img_path', 'seg_map_path')
            warm_up(info[key] for info in infos for key in keys if key in info)

    def _path(self, name: str) -> str:
        """Return the path of a file that the list names."""
        if self._below is not None and not SPECIAL.search(name):
            return self._below + name
        if self.anywhere:
            if is_address(name) or osp.isabs(name):
                return name
            if is_address(self.data_root):
                return join_address(self.data_root, name)
            return osp.join(self.data_root, name)
        return locate(self.data_root, name, self.ann_file)

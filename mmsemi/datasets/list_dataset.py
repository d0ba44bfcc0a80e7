"""A data set read from a list of the published format."""

import os.path as osp
from array import array
from collections.abc import Container

import numpy as np
from mmseg.datasets import BaseSegDataset

from mmsemi.registry import DATASETS, FUNCTIONS

from .lists import iter_list, locate


@DATASETS.register_module()
class ListSegDataset(BaseSegDataset):
    """mmseg's data set over one list of ``IMAGE MASK`` lines.

    The list (``ann_file``) and the paths in it are relative to
    ``data_root``; everything else is as in
    :class:`mmseg.datasets.BaseSegDataset`.  Serves validation and test as it
    is, and the labeled and unlabeled halves of :class:`SemiSegDataset`.

    However long the list, it is held as one array of bytes and one of where
    its lines end, which the loader's workers share.

    Args:
        ann_file (str): The list.
        data_root (str): Folder that the list and its lines are relative to.
        prepare (str, optional): A function in the registry ``FUNCTIONS``,
            with its scope (``mmsemi.ensure_scenes``), that is given the data
            root and makes the data where they are not there yet.
        need_masks (bool): Whether every line must name a mask; the masks of
            a list that needs none are not looked at.  Defaults to True.
        anywhere (bool): Whether lines may name files outside the data root.
            Defaults to False.
        without (Container[str]): Paths of images to leave out.  Defaults to
            none.
        cache_dir (str, optional): Folder on a fast disk where decoded images
            and masks are kept, as much as they take (Pascal 6 GB, Cityscapes
            19 GB).  Defaults to None: they are decoded every time.
        **kwargs: As in ``BaseSegDataset`` (``metainfo``, ``pipeline``,
            ``reduce_zero_label``, ...).

    Raises:
        ValueError: No data root or no list is given, a mask is missing
            from a line of a list that needs them, or a line leads out of the
            data root.
        FileNotFoundError: There is no such data root or list.
    """

    def __init__(
        self,
        ann_file: str = '',
        data_root: str = None,
        prepare: str | None = None,
        need_masks: bool = True,
        anywhere: bool = False,
        without: Container[str] = (),
        cache_dir: str | None = None,
        **kwargs,
    ) -> None:
        if not data_root:
            raise ValueError(
                f'{type(self).__name__} was given no `data_root`. Set it in '
                'the config or by `--cfg-options data_root=FOLDER`.'
            )
        if prepare:
            FUNCTIONS.get(prepare)(data_root)
        if not osp.isdir(data_root):
            raise FileNotFoundError(
                f'There is no data root {osp.abspath(data_root)}. Put the '
                'data there, or name its folder by `--cfg-options '
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
        super().__init__(ann_file=ann_file, data_root=data_root, **kwargs)

    def full_init(self) -> None:
        """Read the list, into what BaseDataset serializes its own to."""
        if self._fully_initialized:
            return
        self.serialize_data = True
        self.data_bytes, self.data_address = self._read()
        self._fully_initialized = True
        if self._indices is not None:
            self.get_subset_(self._indices)

    def _read(self) -> tuple[np.ndarray, np.ndarray]:
        """``IMAGE TAB MASK`` of all lines, joined (uint8), and where each
        ends (int64)."""
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
        """mmseg's ``img_path``/``seg_map_path`` dict of a line."""
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

    def _path(self, name: str) -> str:
        """Of a file that the list names."""
        if self.anywhere:
            return osp.join(self.data_root, name)
        return locate(self.data_root, name, self.ann_file)

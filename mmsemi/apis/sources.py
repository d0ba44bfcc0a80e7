"""Open images: a file, a folder, a list, a video, a camera or arrays."""

import os.path as osp
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from mimetypes import guess_type
from pathlib import Path

import numpy as np

from mmsemi.datasets import ListSegDataset
from mmsemi.datasets.lists import path_inside
from mmsemi.utils.images import SUFFIXES
from mmsemi.utils.storage import is_address

from .video import Camera, Video

Image = str | Path | np.ndarray
Images = Image | int | Iterable[Image]


class NamedImages:
    """Images with a name each, loaded by whoever iterates over them.

    Args:
        images (Iterable): Image files and arrays.
        names (Sequence[str], optional): One name per image.  Defaults to None:
            the images are numbered.
        root (str or Path, optional): Folder, or its address, that contains the
            images if they are files.

    Attributes:
        fps (float): Frames per second of a video or a camera, 0 for other
            images and if unknown.
    """

    def __init__(
        self,
        images: Iterable[Image],
        names: Sequence[str] | None = None,
        root: str | Path | None = None,
    ) -> None:
        self.images = images
        self.names = names
        self.root = root
        self.fps = getattr(images, 'fps', 0.0)

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[tuple[str, Image]]:
        return zip(
            self.names or map('{:06d}'.format, count()), self.images, strict=False
        )


class _Column(Sequence):
    """Lines of a list, each read only when an image is needed."""

    def __init__(self, length: int, read: Callable[[int], str]) -> None:
        self.length, self.read = length, read

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, i: int) -> str:
        return self.read(i)


def open_images(images: Images, data_root: str | None = None) -> NamedImages:
    """Find images and give each a name.

    Args:
        images: An image file, a folder (searched with all folders below it),
            a list (``.txt``, "IMAGE" or "IMAGE MASK" lines; masks are ignored),
            a video file, the number of a camera, an array (H, W, C), or an
            iterable of image files and arrays.  :class:`NamedImages` are
            returned as they are.
        data_root (str, optional): Folder, or its address, that the lines of a list
            are relative to.

    Returns:
        NamedImages: An image of a folder has its path in the folder as name,
        without suffix unless another image has that name already; an image of a
        list has its name there; the images of a video, a camera, an iterable and
        an array are numbered.  A video is decoded frame by frame.

    Raises:
        FileNotFoundError: The file or folder does not exist, or the folder
            contains no image.
        ValueError: The video cannot be decoded, or the camera not opened; a list
            is not one, or comes without ``data_root``.
    """
    if isinstance(images, NamedImages):
        return images
    if isinstance(images, np.ndarray):
        return NamedImages([images])
    if isinstance(images, int):
        return NamedImages(Camera(images))
    if not isinstance(images, (str, Path)):
        return NamedImages(images)
    if str(images).endswith('.txt'):
        return _open_list(str(images), data_root)
    path = Path(images)
    if path.is_dir():
        return _open_folder(path)
    if not path.is_file():
        raise FileNotFoundError(f'There is no image or folder {path}.')
    if _is_video(path):
        return NamedImages(Video(path))
    return NamedImages([path], [path.stem], path.parent)


def is_single(images: Images) -> bool:
    """Tell whether this is one image: an array, or a file that is no video."""
    if isinstance(images, (str, Path)):
        is_list = str(images).endswith('.txt')
        return not (is_list or _is_video(images) or Path(images).is_dir())
    return isinstance(images, np.ndarray)


def _is_video(path: str | Path) -> bool:
    kind, _ = guess_type(path)
    return kind is not None and kind.startswith('video/')


def _open_folder(folder: Path) -> NamedImages:
    named: dict[str, Path] = {}
    for path in sorted(folder.rglob('*')):
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        name = path.relative_to(folder)
        short = name.with_suffix('').as_posix()
        # Keep the results of both a.jpg and a.png.
        named[short if short not in named else name.as_posix()] = path
    if not named:
        raise FileNotFoundError(
            f'No image below {folder} ends in one of {", ".join(SUFFIXES)}.'
        )
    return NamedImages(list(named.values()), list(named), folder)


def _open_list(file: str, data_root: str | None) -> NamedImages:
    if data_root is None:
        raise ValueError(
            f'{file}: the names in a list are relative to a data root: give '
            '`data_root`, in the config for example.'
        )
    if not is_address(file):
        file = osp.abspath(file)
    listed = ListSegDataset(file, data_root, need_masks=False, anywhere=True)

    def path(i: int) -> str:
        return listed.get_data_info(i)['img_path']

    def name(i: int) -> str:
        return path_inside(osp.relpath(path(i), listed.data_root)).as_posix()

    count = len(listed)
    return NamedImages(_Column(count, path), _Column(count, name), listed.data_root)

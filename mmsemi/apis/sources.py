"""Open images: a file, a folder, a video, a list or an array."""

import warnings
from collections.abc import Iterable, Iterator
from itertools import count
from mimetypes import guess_type
from pathlib import Path

import numpy as np
from mmcv import VideoReader

from mmsemi.utils.images import SUFFIXES

Image = str | Path | np.ndarray


class NamedImages:
    """Images with a name each, loaded by whoever iterates over them.

    Args:
        images (Iterable): Image files and arrays.
        names (list[str], optional): One name per image.  Defaults to None:
            the images are numbered.
    """

    def __init__(self, images: Iterable[Image], names: list[str] | None = None) -> None:
        self.images = images
        self.names = names

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[tuple[str, Image]]:
        return zip(
            self.names or map('{:06d}'.format, count()), self.images, strict=False
        )


def open_images(images: Image | Iterable[Image]) -> NamedImages:
    """Find images and give each a name.

    Args:
        images: An image file, a folder (searched with all folders below it),
            a video file, an array (H, W, C), or an iterable of image files
            and arrays.  :class:`NamedImages` are returned as they are.

    Returns:
        NamedImages: An image of a folder has its path in the folder as name,
        without suffix unless another image has that name already; the images
        of a video, an iterable and an array are numbered.  A video is decoded
        frame by frame.

    Raises:
        FileNotFoundError: The file or folder does not exist, or the folder
            contains no image.
        ValueError: The video cannot be decoded.
    """
    if isinstance(images, NamedImages):
        return images
    if isinstance(images, np.ndarray):
        return NamedImages([images])
    if not isinstance(images, (str, Path)):
        return NamedImages(images)
    path = Path(images)
    if path.is_dir():
        return _open_folder(path)
    if not path.is_file():
        raise FileNotFoundError(f'There is no image or folder {path}.')
    if _is_video(path):
        return NamedImages(_Video(path))
    return NamedImages([path], [path.stem])


def is_single(images: Image | Iterable[Image]) -> bool:
    """Tell whether this is one image: an array, or a file that is no video."""
    if isinstance(images, (str, Path)):
        return not (_is_video(images) or Path(images).is_dir())
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
    return NamedImages(named.values(), list(named))


class _Video:
    """Decode the frames (H, W, 3) of a video, BGR, one by one."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.reader = VideoReader(str(file), cache_capacity=1)
        if not self.reader.opened:
            raise ValueError(
                f'The video {file} cannot be decoded: it is empty, damaged or of a '
                'format that OpenCV does not know. Convert it, to MP4 for example.'
            )

    def __len__(self) -> int:
        return max(self.reader.frame_cnt, 0)

    def __iter__(self) -> Iterator[np.ndarray]:
        frames = 0
        for frame in self.reader:
            frames += 1
            yield frame
        if frames < len(self):
            warnings.warn(
                f'{self.file} ends after {frames} frames, although its header '
                f'promises {len(self)}: the rest is missing or cannot be decoded.',
                stacklevel=2,
            )

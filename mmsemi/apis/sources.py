"""Open images: a file, a folder, a video, a camera, a list or an array."""

from collections.abc import Iterable, Iterator
from itertools import count
from mimetypes import guess_type
from pathlib import Path

import numpy as np

from mmsemi.utils.images import SUFFIXES

from .video import Camera, Video

Image = str | Path | np.ndarray
Images = Image | int | Iterable[Image]


class NamedImages:
    """Images with a name each, loaded by whoever iterates over them.

    Args:
        images (Iterable): Image files and arrays.
        names (list[str], optional): One name per image.  Defaults to None:
            the images are numbered.

    Attributes:
        fps (float): Frames per second of a video or a camera, 0 for other
            images and if unknown.
    """

    def __init__(self, images: Iterable[Image], names: list[str] | None = None) -> None:
        self.images = images
        self.names = names
        self.fps = getattr(images, 'fps', 0.0)

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[tuple[str, Image]]:
        return zip(
            self.names or map('{:06d}'.format, count()), self.images, strict=False
        )


def open_images(images: Images) -> NamedImages:
    """Find images and give each a name.

    Args:
        images: An image file, a folder (searched with all folders below it),
            a video file, the number of a camera, an array (H, W, C), or an
            iterable of image files and arrays.  :class:`NamedImages` are
            returned as they are.

    Returns:
        NamedImages: An image of a folder has its path in the folder as name,
        without suffix unless another image has that name already; the images
        of a video, a camera, an iterable and an array are numbered.  A video
        is decoded frame by frame.

    Raises:
        FileNotFoundError: The file or folder does not exist, or the folder
            contains no image.
        ValueError: The video cannot be decoded, or the camera not opened.
    """
    if isinstance(images, NamedImages):
        return images
    if isinstance(images, np.ndarray):
        return NamedImages([images])
    if isinstance(images, int):
        return NamedImages(Camera(images))
    if not isinstance(images, (str, Path)):
        return NamedImages(images)
    path = Path(images)
    if path.is_dir():
        return _open_folder(path)
    if not path.is_file():
        raise FileNotFoundError(f'There is no image or folder {path}.')
    if _is_video(path):
        return NamedImages(Video(path))
    return NamedImages([path], [path.stem])


def is_single(images: Images) -> bool:
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

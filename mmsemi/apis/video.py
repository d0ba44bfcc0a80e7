"""Read frames of videos and cameras one by one; write videos."""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from mmcv import VideoReader

from mmsemi.utils.files import replacing

# Codecs that OpenCV's packages contain.
CODECS = {
    '.avi': 'MJPG',
    '.mkv': 'mp4v',
    '.mov': 'mp4v',
    '.mp4': 'mp4v',
    '.webm': 'VP80',
}
RATE = 25.0  # frames per second where the source names none


class Video:
    """Decode the frames (H, W, 3) of a video file, BGR, one by one.

    Args:
        file (Path): A format that OpenCV knows.

    Raises:
        ValueError: It cannot be decoded.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.reader = VideoReader(str(file), cache_capacity=1)
        if not self.reader.opened:
            raise ValueError(
                f'The video {file} cannot be decoded: it is empty, damaged or of a '
                'format that OpenCV does not know. Convert it, to MP4 for example.'
            )

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.reader.fps

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


class Camera:
    """Read the frames (H, W, 3) of a camera, BGR, until it stops.

    Args:
        index (int): Number of the camera, from 0.

    Raises:
        ValueError: There is no such camera.
    """

    def __init__(self, index: int) -> None:
        self.capture = cv2.VideoCapture(index)
        if not self.capture.isOpened():
            raise ValueError(
                f'Camera {index} cannot be opened. The first is number 0; another '
                'program may use it, or this user may not.'
            )

    @property
    def fps(self) -> float:
        """Frames per second; 0 if the camera does not tell."""
        return self.capture.get(cv2.CAP_PROP_FPS)

    def __iter__(self) -> Iterator[np.ndarray]:
        try:
            while True:
                found, frame = self.capture.read()
                if not found:
                    return
                yield frame
        finally:
            self.capture.release()


@contextmanager
def writing_video(
    file: str | Path, fps: float
) -> Iterator[Callable[[np.ndarray], None]]:
    """Write frames to a video file as they come.

    ::

        with writing_video('out.mp4', 25) as write:
            write(frame)

    The file is there when the block ends, also if Ctrl-C ends it; after an
    error it is not, and an older file is unchanged.

    Args:
        file (str or Path): Its suffix decides the codec: Motion JPEG for .avi,
            VP8 for .webm, MPEG-4 for .mkv, .mov and .mp4.
        fps (float): Frames per second; 25 if not positive.

    Yields:
        Callable: Adds a frame (H, W, 3), uint8, BGR.  All have one size.

    Raises:
        OSError: The video cannot be written.
        ValueError: The suffix is none of these; a frame has another size than
            the first; there is no frame.
    """
    file = Path(file)
    suffix = check_video_name(file)
    stopped = None
    with replacing(file) as part:
        named = part.with_name(part.name + suffix)  # OpenCV goes by the suffix
        frames = _Frames(file, named, CODECS[suffix], fps if fps > 0 else RATE)
        try:
            try:
                yield frames.write
            except KeyboardInterrupt as error:
                stopped = error
            frames.finish()
            os.replace(named, part)
        finally:
            frames.release()
            named.unlink(missing_ok=True)
    if stopped:
        raise stopped


def check_video_name(file: str | Path) -> str:
    """Return the suffix of a video file to write.

    Raises:
        ValueError: No video is written under this suffix.
    """
    suffix = Path(file).suffix.lower()
    if suffix not in CODECS:
        raise ValueError(
            f'{file}: no video is written as {suffix!r}. Let the name end in one '
            f'of {", ".join(CODECS)}.'
        )
    return suffix


class _Frames:
    """The writer of OpenCV, opened with the first frame, whose size it takes."""

    def __init__(self, file: Path, part: Path, codec: str, fps: float) -> None:
        self.file, self.part, self.codec, self.fps = file, part, codec, fps
        self.writer: cv2.VideoWriter | None = None

    def write(self, frame: np.ndarray) -> None:
        height, width = frame.shape[:2]
        if self.writer is None:
            self.size = width, height
            code = cv2.VideoWriter.fourcc(*self.codec)
            self.writer = cv2.VideoWriter(str(self.part), code, self.fps, self.size)
            if not self.writer.isOpened():
                raise OSError(
                    f'{self.file}: OpenCV cannot write a video of {width} x {height} '
                    'pixels here. Check the folder, or use .avi.'
                )
        if (width, height) != self.size:
            raise ValueError(
                f'{self.file}: a frame has {width} x {height} pixels, the first has '
                f'{self.size[0]} x {self.size[1]}. Give images of one size, or leave '
                'the video out.'
            )
        self.writer.write(np.ascontiguousarray(frame))

    def finish(self) -> None:
        if self.writer is None:
            raise ValueError(f'{self.file}: there is no frame to write.')
        self.release()

    def release(self) -> None:
        if self.writer is not None:
            self.writer.release()

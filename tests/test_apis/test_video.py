import cv2
import numpy as np
import pytest

from mmsemi.apis import open_images, writing_video
from mmsemi.apis.video import CODECS


def read(file):
    capture = cv2.VideoCapture(str(file))
    fps, frames = capture.get(cv2.CAP_PROP_FPS), []
    while True:
        found, frame = capture.read()
        if not found:
            return fps, frames
        frames.append(frame)


@pytest.mark.parametrize('suffix', CODECS)
def test_rate_size_and_pictures(suffix, pictures, tmp_path):
    file = tmp_path / f'deep/out{suffix}'
    with writing_video(file, 12) as write:
        for picture in pictures:
            write(picture)
        assert not file.exists(), 'before it is complete'
    fps, frames = read(file)
    assert fps == pytest.approx(12) and len(frames) == 3
    for frame, picture in zip(frames, pictures, strict=True):
        assert frame.shape == picture.shape
        assert np.abs(frame.astype(int) - picture).mean() < 25, 'but for compression'
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_an_error_leaves_the_older_file(pictures, tmp_path):
    file = tmp_path / 'out.avi'
    file.write_text('older')
    with pytest.raises(ValueError, match=r'frame has 24 x 40 pixels, the first has 48'):
        with writing_video(file, 0) as write:
            write(pictures[0])
            write(pictures[1][:, :24])
    with pytest.raises(ValueError, match='no frame'), writing_video(file, 0):
        pass
    assert file.read_text() == 'older'
    assert list(tmp_path.iterdir()) == [file]


def test_an_interrupt_keeps_what_was_written(pictures, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with writing_video(tmp_path / 'out.avi', 0) as write:
            write(pictures[0])
            raise KeyboardInterrupt
    fps, frames = read(tmp_path / 'out.avi')
    assert fps == 25 and len(frames) == 1


def test_unknown_suffix(tmp_path):
    with pytest.raises(ValueError, match=r"written as '.gif'.* .mp4"):
        with writing_video(tmp_path / 'out.gif', 25):
            pass


def test_camera(pictures, monkeypatch):
    class Capture:
        def __init__(self, index):
            self.index, self.left = index, list(pictures)

        def isOpened(self):  # noqa: N802
            return self.index == 0

        def get(self, key):
            return 15.0

        def read(self):
            return (True, self.left.pop(0)) if self.left else (False, None)

        def release(self):
            pass

    monkeypatch.setattr(cv2, 'VideoCapture', Capture)
    images = open_images(0)
    assert images.fps == 15
    assert [name for name, _ in images] == ['000000', '000001', '000002']
    with pytest.raises(ValueError, match='Camera 3 cannot be opened'):
        open_images(3)

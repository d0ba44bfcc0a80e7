"""Segment images into files, as ``mmsemi predict`` does."""

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, field
from operator import length_hint

import numpy as np
from torch import nn

from mmsemi.utils.progress import progress_bar

from .inference import check_probabilities, iter_predictions
from .outputs import OutputFolder, OutputVideo, Segmented, fingerprint, mark
from .sources import Image, NamedImages
from .tiles import Tiling, check_tiling, segment_tiles
from .video import Camera


@dataclass
class Report:
    """What became of some images.

    Attributes:
        saved (int): Images predicted now.
        earlier (int): Images whose results were there already.
        failed (list[str]): Names and errors of the others.
    """

    saved: int = 0
    earlier: int = 0
    failed: list[str] = field(default_factory=list)

    def __add__(self, other: 'Report') -> 'Report':
        return Report(
            self.saved + other.saved,
            self.earlier + other.earlier,
            self.failed + other.failed,
        )

    def print(self, place: str, process: int = 0, processes: int = 1) -> int:
        """Print a summary; return the exit status.

        Args:
            place (str): Where the results are.
            process (int): Number of this process, from 0.
            processes (int): Number of processes that share the images.
        """
        done = self.saved + self.earlier
        before = f', {self.earlier} of them from before' if self.earlier else ''
        share = '' if processes == 1 else f'Process {process} of {processes}: '
        print(
            f'{share}{done} of {done + len(self.failed)} images are in {place}{before}.'
        )
        for line in self.failed:
            print(f'Not predicted: {line}', file=sys.stderr)
        return 1 if self.failed else 0


class _Remaining(NamedImages):
    """Images that are chosen when their turn comes.

    Args:
        images (NamedImages): All images.
        chosen (Callable): Tells from number, name and image whether one is
            chosen.
        share (int): One of how many is chosen at most.
    """

    def __init__(
        self, images: NamedImages, chosen: Callable[[int, str, Image], bool], share: int
    ) -> None:
        super().__init__(images.images, images.names)
        self.chosen, self.share = chosen, share

    def __len__(self) -> int:
        return -(-super().__len__() // self.share)

    def __iter__(self) -> Iterator[tuple[str, Image]]:
        for i, (name, image) in enumerate(super().__iter__()):
            if self.chosen(i, name, image):
                yield name, image


def predict_to_files(
    model: nn.Module,
    images: NamedImages,
    folder: OutputFolder | None = None,
    video: OutputVideo | None = None,
    *,
    amp: bool = False,
    tiling: Tiling | None = None,
    overwrite: bool = False,
    process: int = 0,
    processes: int = 1,
) -> Report:
    """Segment images and write the results.

    Results in a folder that come from the same network, options and image are
    not computed again.

    Args:
        model (nn.Module): Network from :func:`init_model`.
        images (NamedImages): From :func:`open_images`.  Ctrl-C ends the images
            of a camera.
        folder (OutputFolder, optional): Where results of every image go.
        video (OutputVideo, optional): Video to write.
        amp (bool): Compute in mixed precision.
        tiling (Tiling, optional): Segment every image in tiles.
        overwrite (bool): Predict every image, also if its results are there.
        process (int): Number of this process, from 0.
        processes (int): Number of processes that share the images.

    Returns:
        Report: Of this process.

    Raises:
        OSError: A result cannot be written.
        ValueError: A video is wanted of tiles or of several processes, or
            probabilities of tiles; tiles do not overlap as they should; the
            images do not suit a video; test-time augmentation, which keeps no
            confidence.
    """
    if video is not None and (tiling or processes > 1):
        raise ValueError(
            f'{video.file}: a video is written by one process, of whole frames: leave '
            'the tiles and the processes out, or the video.'
        )
    confidence = folder is not None and folder.confidence
    probabilities = folder is not None and folder.probabilities
    check_probabilities(model, confidence or probabilities)
    if tiling:
        check_tiling(tiling)
        if probabilities:
            raise ValueError(
                'Of an image in tiles no probabilities are kept, which would be '
                'several times as large as the image: leave them out, or the tiles.'
            )
    report = Report()
    network = fingerprint(model, amp=amp, tiling=tiling)
    resumes = folder is not None and video is None and not overwrite
    marks: dict[str, str] = {}  # of the images that are under way

    def is_left(number: int, name: str, image: Image) -> bool:
        if number % processes != process:
            return False
        if folder is None:
            return True
        try:
            marks[name] = mark(network, image)
        except OSError as error:
            report.failed.append(f'{name}: {error}')
            return False
        done = resumes and folder.has(name, marks[name])
        report.earlier += done
        return not done

    left: NamedImages = _Remaining(images, is_left, processes)
    if images.names is not None:  # files: their number is known at once
        pairs = list(left)
        left = NamedImages([image for _, image in pairs], [name for name, _ in pairs])
    if tiling:
        results = _in_tiles(model, left, confidence, amp, tiling, report)
    else:
        results = _whole(model, left, confidence, probabilities, amp, report)

    with ExitStack() as stack:
        write = stack.enter_context(video.writing(images.fps)) if video else None
        if folder is not None and process == 0:
            folder.save_legend()

        def save(result: Segmented) -> None:
            if folder is not None:
                folder.save(result, marks.pop(result.name))
            if write is not None:
                write(result)
            report.saved += 1

        behind = stack.enter_context(_Behind(save))
        if isinstance(images.images, Camera):
            stack.enter_context(suppress(KeyboardInterrupt))
        bar: AbstractContextManager = nullcontext(results)
        if process == 0 and not tiling:  # one bar: of this process, or of the tiles
            title = 'Predicting' if processes == 1 else f'Predicting, 1 of {processes}'
            bar = progress_bar(results, title, length_hint(left) or None)
        for result in stack.enter_context(bar):
            behind.submit(result)
    return report


def _whole(
    model: nn.Module,
    images: NamedImages,
    confidence: bool,
    probabilities: bool,
    amp: bool,
    report: Report,
) -> Iterator[Segmented]:
    """Segment images as a whole; note those that cannot be used."""
    for name, image, result in iter_predictions(
        model,
        images,
        confidence or probabilities,
        amp,
        on_error=lambda name, error: report.failed.append(f'{name}: {error}'),
    ):
        certain = prob = None
        if confidence:
            share = result.confidence.data[0].numpy()
            certain = np.rint(255 * share).astype(np.uint8)
        if probabilities:
            prob = result.probabilities.data.numpy()
        mask = result.pred_sem_seg.data[0].numpy().astype(np.uint8)
        yield Segmented(name, image, mask, certain, prob)


def _in_tiles(
    model: nn.Module,
    images: NamedImages,
    confidence: bool,
    amp: bool,
    tiling: Tiling,
    report: Report,
) -> Iterator[Segmented]:
    """Segment images in tiles; note those that cannot be used."""
    for name, image in images:
        with ExitStack() as stack:

            def track(tiles: Iterable, count: int, title: str = name) -> Iterable:
                return stack.enter_context(progress_bar(tiles, title, count))  # noqa: B023

            try:
                found = segment_tiles(model, image, tiling, confidence, amp, track)
            except (OSError, ValueError, AssertionError) as error:
                report.failed.append(f'{name}: {error}')
                continue
        yield Segmented(name, found.image, found.mask, found.confidence)


class _Behind:
    """Do a job in a thread while the caller prepares the next; one waits at most."""

    def __init__(self, job: Callable[[Segmented], None]) -> None:
        self.job, self.pool = job, ThreadPoolExecutor(1)
        self.last: Future | None = None

    def __enter__(self) -> '_Behind':
        return self

    def submit(self, result: Segmented) -> None:
        """Start with a result when the one before is done; raise its error."""
        self._wait()
        self.last = self.pool.submit(self.job, result)

    def _wait(self) -> None:
        last, self.last = self.last, None
        if last is not None:
            last.result()

    def __exit__(self, *error: object) -> None:
        with self.pool:
            self._wait()

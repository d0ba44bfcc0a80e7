"""Segment images into files, as ``mmsemi predict`` does."""

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, field
from operator import length_hint
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from mmsemi.utils.codes import IGNORE
from mmsemi.utils.progress import progress_bar

from .inference import check_probabilities, iter_predictions
from .outputs import OutputFolder, OutputVideo, Segmented, fingerprint
from .remaining import Remaining, RemainingFiles
from .sources import NamedImages
from .tiles import Tiling, check_tiling, segment_tiles
from .video import Camera


@dataclass
class Report:
    """What became of some images.

    Attributes:
        saved (int): Images predicted now.
        earlier (int): Images whose results were there already.
        failed (list[str]): Names and errors of the others.
        listed (int): Images in the list, if this process wrote it.
    """

    saved: int = 0
    earlier: int = 0
    failed: list[str] = field(default_factory=list)
    listed: int = 0

    def __add__(self, other: 'Report') -> 'Report':
        return Report(
            self.saved + other.saved,
            self.earlier + other.earlier,
            self.failed + other.failed,
            self.listed + other.listed,
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


def predict_to_files(
    model: nn.Module,
    images: NamedImages,
    folder: OutputFolder | None = None,
    video: OutputVideo | None = None,
    *,
    amp: bool = False,
    tiling: Tiling | None = None,
    ignore_below: float | None = None,
    list_file: Path | None = None,
    overwrite: bool = False,
    process: int = 0,
    processes: int = 1,
) -> Report:
    """Segment images and write the results.

    Results in a folder that come from the same network, options and image are
    not computed again.  Of files, a run that was killed continues with those that it
    has not finished, on any number of processes
    (:class:`mmsemi.utils.passes.Pass`).

    Args:
        model (nn.Module): Network from :func:`init_model`.
        images (NamedImages): From :func:`open_images`.  Ctrl-C ends the images
            of a camera.
        folder (OutputFolder, optional): Where results of every image go.
        video (OutputVideo, optional): Video to write.
        amp (bool): Compute in mixed precision.
        tiling (Tiling, optional): Segment every image in tiles.
        ignore_below (float, optional): Pixels of less confidence, in [0, 1], become
            255, which no training learns from.
        list_file (Path, optional): List to write: "IMAGE MASK" lines for a training,
            relative to the folder of the images, masks elsewhere with their whole
            path.  Of several processes, the last to end writes it.
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
            confidence; a list is wanted of images that are no files, or whose names
            a list cannot hold.
    """
    if video is not None and (tiling or processes > 1):
        raise ValueError(
            f'{video.file}: a video is written by one process, of whole frames: leave '
            'the tiles and the processes out, or the video.'
        )
    confidence = folder is not None and folder.confidence
    probabilities = folder is not None and folder.probabilities
    check_probabilities(model, confidence or probabilities or ignore_below is not None)
    if tiling:
        check_tiling(tiling)
        if probabilities:
            raise ValueError(
                'Of an image in tiles no probabilities are kept, which would be '
                'several times as large as the image: leave them out, or the tiles.'
            )
    are_files = folder is not None and images.names is not None
    if list_file is not None and not are_files:
        raise ValueError(
            f'{list_file}: a list names image files and their masks in a folder: leave '
            'the list out, or name files and a folder.'
        )
    options: dict[str, Any] = dict(amp=amp, tiling=tiling)
    if ignore_below is not None:
        options['ignore_below'] = ignore_below
    place = fingerprint(model, **options), process, processes
    again = overwrite or video is not None
    if are_files:
        show = process == 0
        left: Remaining = RemainingFiles(images, folder, *place, again, show=show)
    else:
        left = Remaining(images, folder, *place, again)
    if list_file is not None:
        left.check_list()
    report = Report(failed=left.failed)
    wanted = confidence, probabilities, ignore_below
    if tiling:
        results = _in_tiles(model, left, *wanted, amp, tiling)
    else:
        results = _whole(model, left, *wanted, amp)

    with ExitStack() as stack:
        write = stack.enter_context(video.writing(images.fps)) if video else None
        if folder is not None and process == 0:
            folder.save_legend()

        def save(result: Segmented) -> None:
            if folder is not None:
                number, mark = left.take(result.name)
                folder.save(result, mark)
                if are_files:
                    left.work.note(number)
            if write is not None:
                write(result)
            report.saved += 1

        bar: AbstractContextManager = nullcontext(results)
        tell: Callable[[], None] = int  # nothing to tell
        if process == 0 and not tiling:  # else the bar is of the tiles
            if are_files:
                tell = stack.enter_context(left.work.shown('Predicting'))
            else:
                of = '' if processes == 1 else f', 1 of {processes}'
                bar = progress_bar(
                    results, f'Predicting{of}', length_hint(left) or None
                )
        behind = stack.enter_context(_Behind(save))
        if isinstance(images.images, Camera):
            stack.enter_context(suppress(KeyboardInterrupt))
        for result in stack.enter_context(bar):
            behind.submit(result)
            tell()
    report.earlier = left.earlier
    if are_files:
        report.listed = left.finish(list_file)
    return report


def _whole(
    model: nn.Module,
    images: Remaining,
    confidence: bool,
    probabilities: bool,
    ignore_below: float | None,
    amp: bool,
) -> Iterator[Segmented]:
    """Segment images as a whole; note those that cannot be used."""
    for name, image, result in iter_predictions(
        model,
        images,
        confidence or probabilities or ignore_below is not None,
        amp,
        on_error=images.fail,
    ):
        certain = prob = None
        mask = result.pred_sem_seg.data[0].numpy().astype(np.uint8)
        if ignore_below is not None:
            mask[result.confidence.data[0].numpy() < ignore_below] = IGNORE
        if confidence:
            share = result.confidence.data[0].numpy()
            certain = np.rint(255 * share).astype(np.uint8)
        if probabilities:
            prob = result.probabilities.data.numpy()
        yield Segmented(name, image, mask, certain, prob)


def _in_tiles(
    model: nn.Module,
    images: Remaining,
    confidence: bool,
    probabilities: bool,
    ignore_below: float | None,
    amp: bool,
    tiling: Tiling,
) -> Iterator[Segmented]:
    """Segment images in tiles; note those that cannot be used."""
    certain = confidence or ignore_below is not None
    for name, image in images:
        with ExitStack() as stack:

            def track(tiles: Iterable, count: int, title: str = name) -> Iterable:
                return stack.enter_context(progress_bar(tiles, title, count))  # noqa: B023

            try:
                found = segment_tiles(model, image, tiling, certain, amp, track)
            except (OSError, ValueError, AssertionError) as error:
                images.fail(name, error)
                continue
        if ignore_below is not None:
            found.mask[found.confidence < 255 * ignore_below] = IGNORE
        kept = found.confidence if confidence else None
        yield Segmented(name, found.image, found.mask, kept)


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

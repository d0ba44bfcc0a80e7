"""Write annotation files as masks of class indices."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from mmsemi.utils.codes import IGNORE
from mmsemi.utils.files import run_parallel, write_whole
from mmsemi.utils.images import image_size, write_indices
from mmsemi.utils.text import some, some_lines

from .annotations import Annotated, Region, read_annotations
from .classes import read_labels
from .naming import by_name, find_files, inside

IGNORED = ('ignore', '__ignore__')  # labels of pixels that are ignored
CLASSES = 'classes.txt'
UNUSABLE = 'unusable.txt'


class Job(NamedTuple):
    """A mask to write.

    Attributes:
        target (Path): The mask.
        size (tuple[int, int]): Height and width of the image.
        regions (tuple): ``(label, region)`` from bottom to top.
        outside (int): Label of all other pixels.
        smaller_on_top (bool): Whether smaller regions cover larger ones;
            otherwise later ones cover earlier ones.
    """

    target: Path
    size: tuple[int, int]
    regions: tuple[tuple[int, Region], ...]
    outside: int
    smaller_on_top: bool


def write_masks(
    annotations: Path,
    images: Path,
    out: Path,
    outside: str,
    classes: Path | None = None,
    smaller_on_top: bool = False,
    keep_empty: bool = False,
    skip_unusable: bool = False,
    force: bool = False,
    workers: int = 1,
) -> str:
    """Write a mask for every annotated image, and the classes file for them.

    A mask has the path of its image, with the suffix ``.png``; it holds class
    indices, and 255 for ignored pixels.  ``classes.txt`` beside the masks names
    the classes as ``mmsemi init`` reads them.

    Args:
        annotations (Path): A file or a folder, see :func:`read_annotations`.
        images (Path): Folder of the images.
        out (Path): Folder to write to.
        outside (str): Class of pixels outside every annotation, or ``ignore``.
        classes (Path, optional): See :func:`read_labels`. Defaults to None:
            ``outside`` and all labels that are used, in the order in which
            the files declare them.
        smaller_on_top (bool): Whether smaller regions cover larger ones;
            otherwise later ones cover earlier ones.
        keep_empty (bool): Whether images without any annotation get a mask.
        skip_unusable (bool): Whether to leave out what cannot be used.
        force (bool): Whether to replace masks in ``out``.
        workers (int): Number of processes.

    Returns:
        str: What was written and left out.

    Raises:
        FileExistsError: ``out`` holds masks.
        FileNotFoundError: There are no annotations, or no images.
        ValueError: Something cannot be used; all of it is listed in
            ``out/unusable.txt``.
    """
    if out.resolve() == images.resolve():
        raise ValueError(f'{out} is the folder of images. Name another for the masks.')
    if keep_empty and outside in IGNORED:
        raise ValueError(
            f'--keep-empty with --outside {outside} would give masks without a class. '
            'Leave out one of them.'
        )
    there = sorted(out.rglob('*.png')) if out.is_dir() else []
    if there and not force:
        raise FileExistsError(
            f'{out} already holds {len(there)} masks. Name another folder, or give '
            '--force to replace them.'
        )
    (out / UNUSABLE).unlink(missing_ok=True)
    read = read_annotations(annotations)
    names, labels = _classes(classes, outside, read.labels, read.images)
    files = find_files(images, without=[out] if inside(out, images) else [])
    jobs, empty, unusable = _jobs(read.images, images, files, out, labels)
    unusable = [*read.unusable, *unusable]
    if keep_empty:
        jobs += empty
    if unusable and not skip_unusable:
        _refuse(out, unusable)
    stale = set(there) - {job.target for job in jobs}
    if stale:
        raise ValueError(
            f'{len(stale)} masks in {out} are of images without annotations. Remove '
            f'them:{some_lines(sorted(stale))}'
        )
    jobs = [
        job._replace(outside=labels[outside], smaller_on_top=smaller_on_top)
        for job in jobs
    ]
    done, failures = run_parallel(
        partial(_paint, strict=not skip_unusable), jobs, 'Masks', workers
    )
    unusable += failures + [line for _, lines in done for line in lines]
    if unusable and not skip_unusable:
        _refuse(out, unusable)
    if not done:
        raise ValueError(f'No image of {annotations} has an annotation to use.')
    write_whole(out / CLASSES, ''.join(f'{name}\n' for name in names).encode())
    said = f'{len(done)} masks with {len(names)} classes ({some(names, 8)}) in {out}.'
    if empty and not keep_empty:
        said += f'\n{len(empty)} images have no annotation and got no mask.'
        if outside not in IGNORED:
            said += f' If all of them is {outside}, give --keep-empty.'
    if unusable:
        said += f'\n{_list(out, unusable)}'
    return said


def _classes(
    file: Path | None,
    outside: str,
    declared: Sequence[str],
    images: Iterable[Annotated],
) -> tuple[list[str], dict[str, int]]:
    """Return the names of the classes, and the class of each label."""
    used = {region.label for image in images for region in image.regions}
    if file is not None:
        names, labels = read_labels(file)
    else:
        known = [name for name in declared if name in used]
        names = [] if outside in IGNORED else [outside]
        names += [n for n in known + sorted(used - {*known}) if n not in IGNORED]
        names = list(dict.fromkeys(names))
        odd = [name for name in names if ':' in name or name.startswith('#')]
        if odd:
            raise ValueError(
                f'{odd[0]!r} cannot be the name of a class. Give a file with --classes '
                f'that renames it, with a line "NAME: {odd[0]}".'
            )
        labels = {name: i for i, name in enumerate(names)}
        if not 2 <= len(names) <= IGNORE:
            raise ValueError(
                f'The annotations and --outside name {len(names)} classes '
                f'({some(names)}), but there must be 2 to {IGNORE}.'
            )
    labels = {**dict.fromkeys(IGNORED, IGNORE), **labels}
    if outside not in labels:
        raise ValueError(
            f'--outside {outside} is none of the classes ({some(names, 20)}), nor '
            '`ignore`.'
        )
    return names, labels


def _jobs(
    annotated: Sequence[Annotated],
    folder: Path,
    files: Sequence[Path],
    out: Path,
    labels: dict[str, int],
) -> tuple[list[Job], list[Job], list[str]]:
    """Match annotations and files.

    Returns:
        tuple[list]: The masks of images with and without annotations, and what
        cannot be used.
    """
    finder = Finder(folder, files)
    locals_ = {path: name for name, path in by_name(folder, files).items()}
    found: dict[Path, Path] = {}
    jobs, empty, unusable = [], [], []
    unknown: Counter[str] = Counter()
    for image in annotated:
        try:
            path = finder(image.name)
            size = image_size(path)
            if path in found:
                raise ValueError(f'it is already annotated in {found[path]}')
            if image.size and image.size != size:
                raise ValueError(_other_size(path, size, image.size))
        except (OSError, ValueError) as error:
            unusable.append(f'{image.file}, image {image.name}: {error}')
            continue
        found[path] = image.file
        regions = []
        for region in image.regions:
            if region.label in labels:
                regions.append((labels[region.label], region))
            else:
                unknown[region.label] += 1
        target = out / f'{locals_[path]}.png'
        (jobs if image.regions else empty).append(
            Job(target, size, tuple(regions), 0, False)
        )
    for label, count in unknown.items():
        near = get_close_matches(label, labels, 1)
        unusable.append(
            f'{count} annotations have the label {label!r}, which the classes file '
            f'does not name{f" (it names {near[0]!r})" if near else ""}. Add it as a '
            f'class, or to one as "NAME: {label}", or as "ignore: {label}"'
        )
    return jobs, empty, unusable


def _other_size(path: Path, size: tuple[int, int], said: tuple[int, int]) -> str:
    turned = ('; if EXIF turns it in viewers, turn its pixels: EXIF is not applied') * (
        size == said[::-1]
    )
    return (
        f'{path} has {size[1]}x{size[0]} pixels, but the annotations are for '
        f'{said[1]}x{said[0]}{turned}'
    )


class Finder:
    """Find the file of an image by the path that an annotation gives.

    The path may be absolute, from another machine or from Windows: the file
    whose path shares the longest end with it is chosen.  Without a file of that
    name, one with another suffix is.

    Args:
        folder (Path): Folder of the images.
        files (Sequence[Path]): All images in it.
    """

    def __init__(self, folder: Path, files: Sequence[Path]) -> None:
        self.folder = folder
        self.by_name: dict[str, list[Path]] = defaultdict(list)
        self.by_stem: dict[str, list[Path]] = defaultdict(list)
        for path in files:
            self.by_name[path.name].append(path)
            self.by_stem[path.stem].append(path)

    def __call__(self, name: str) -> Path:
        """Return the file.

        Raises:
            FileNotFoundError: There is none.
            ValueError: There are several.
        """
        wanted = PurePosixPath(name.replace('\\', '/'))
        found = self.by_name.get(wanted.name) or self.by_stem.get(wanted.stem)
        if not found:
            raise FileNotFoundError(f'there is no such image below {self.folder}')
        shared = [self._shared(wanted, path) for path in found]
        best = [p for p, n in zip(found, shared, strict=True) if n == max(shared)]
        if len(best) > 1:
            raise ValueError(f'it may be any of {some(best)}')
        return best[0]

    def _shared(self, wanted: PurePosixPath, path: Path) -> int:
        """Count the folders that agree, from the last one on."""
        folders = path.relative_to(self.folder).parent.parts[::-1]
        count = 0
        for a, b in zip(wanted.parent.parts[::-1], folders, strict=False):
            if a != b:
                break
            count += 1
        return count


def _paint(job: Job, strict: bool) -> list[str]:
    """Draw and write a mask; return what could not be drawn."""
    drawn, unusable = [], []
    for label, region in job.regions:
        try:
            pixels = region.draw(height=job.size[0], width=job.size[1])
            if not pixels.any():
                raise ValueError('it covers no pixel of the image')
        except (OverflowError, TypeError, ValueError) as error:
            unusable.append(f'{region.name}: {error}')
        else:
            drawn.append((label, pixels))
    if job.smaller_on_top:
        drawn.sort(key=lambda pair: -int(pair[1].sum()))
    if not (unusable and strict):
        mask = np.full(job.size, job.outside, np.uint8)
        for label, pixels in drawn:
            mask[pixels] = label
        write_indices(job.target, mask)
    return unusable


def _list(out: Path, unusable: Sequence[str]) -> str:
    """Write a list of what cannot be used; return a message about it."""
    file = out / UNUSABLE
    write_whole(file, ''.join(f'{line}\n' for line in unusable).encode())
    return (
        f'{len(unusable)} annotations or images cannot be used ({file} names '
        f'all):{some_lines(unusable, 10)}'
    )


def _refuse(out: Path, unusable: Sequence[str]) -> None:
    raise ValueError(
        f'{_list(out, unusable)}\nCorrect them, or leave them out with --skip-unusable.'
    )

"""Find a user's images and masks, and match them by their names."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from mmsemi.utils.images import SUFFIXES
from mmsemi.utils.text import some, some_lines

Pair = tuple[Path, Path]

# Endings of a name that a mask suffix may be: from a separator on, or the
# letters after a number ("_mask", "-gt", "L" of "07L").
ENDING = re.compile(r'[-_. ]|(?<=\d)(?=[^\W\d])')
MASK_WORDS = re.compile(
    'mask|seg|label|gt|anno|truth|manual|index|class|target', re.IGNORECASE
)
TOKEN = re.compile(r'[^\W\d_]+|\d+|.')  # letters, digits, or one other character
LOSSLESS = ('.png', '.bmp', '.tif', '.tiff', '.webp', '.ppm')


class Mark(NamedTuple):
    """What marks a file as an image or as a mask.

    Attributes:
        suffix (str): How its name ends: ``_mask``, ``_mask.png`` or ``.png``.
        part (str): What its path contains: ``masks`` of ``train/masks/1.png``.
    """

    suffix: str = ''
    part: str = ''


UNMARKED = Mark()


def find_files(folder: Path, without: Collection[Path] = ()) -> list[Path]:
    """Find the images below a folder.

    Args:
        folder (Path): Searched with all folders in it except hidden ones.
        without (Collection[Path]): Files to leave out, and folders to leave
            out with everything in them.

    Returns:
        list[Path]: Sorted.

    Raises:
        FileNotFoundError: There is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f'There is no folder {folder}.')
    left_out = {path.resolve() for path in without}
    found = [
        path
        for path in sorted(folder.rglob('*'))
        if path.is_file()
        and not any(
            part.startswith(('.', '__MACOSX'))
            for part in path.relative_to(folder).parts
        )
    ]
    images = [path for path in found if path.suffix.lower() in SUFFIXES]
    files = [
        path
        for path in images
        if left_out.isdisjoint((real := path.resolve(), *real.parents))
    ]
    if files:
        return files
    if images:
        raise FileNotFoundError(
            f'All {len(images)} images below {folder} are left out, because they '
            f'are also in {some(without)}.'
        )
    other = Counter(path.suffix for path in found)
    there = ', '.join(
        f'{n} {suffix or "without"}' for suffix, n in other.most_common(4)
    )
    raise FileNotFoundError(
        f'No file below {folder} ends in one of {", ".join(SUFFIXES)} (or these in '
        f'upper case). It holds {f"other files: {there}" if there else "no files"}.'
    )


def inside(folder: Path, other: Path) -> bool:
    """Return whether a folder lies below another one."""
    return other.resolve() in folder.resolve().parents


def cut(name: str, mark: Mark = UNMARKED) -> str | None:
    """Remove a file's suffix, and what marks it as image or mask.

    Args:
        name (str): The path of a file.
        mark (Mark): Its parts may be empty.

    Returns:
        str | None: What image and mask have in common, or None if the name
        does not have the mark.
    """
    suffix, part = mark
    if PurePath(f'x{suffix}').suffix.lower() in SUFFIXES:
        ending = name[len(name) - len(suffix) :]
        stem = suffix.rpartition('.')[0]
        same = ending[: len(stem)] == stem and ending.lower() == suffix.lower()
        key = name[: len(name) - len(suffix)]
    else:
        key = PurePath(name).with_suffix('').as_posix()
        same = key.endswith(suffix)
        key = key.removesuffix(suffix)
    if not same or part not in key:
        return None
    return key.replace(part, '*') if part else key


def by_name(
    folder: Path, files: Iterable[Path], mark: Mark = UNMARKED
) -> dict[str, Path]:
    """Key files by the name that image and mask have in common.

    Args:
        folder (Path): The names are relative to it.
        files (Iterable[Path]): Files without the mark are left out.
        mark (Mark): See :func:`cut`.

    Raises:
        ValueError: Two files have the same name.
    """
    named: dict[str, Path] = {}
    twice = []
    for path in files:
        name = cut(path.relative_to(folder).as_posix(), mark)
        if name is None:
            continue
        if name in named:
            twice.append(f'{named[name]} and {path.name}')
        named[name] = path
    if twice:
        raise ValueError(
            f'{len(twice)} images in {folder} share a name and differ in the suffix '
            'alone, so it is unclear which one a mask belongs to. Rename or remove '
            'one of each, or name the suffix of the files to use with '
            f'--image-suffix or --mask-suffix (.jpg, .png):{some_lines(twice)}'
        )
    return named


def tell_apart(
    folder: Path, files: Sequence[Path], image: Mark, mask: Mark
) -> tuple[list[Path], list[Path]]:
    """Separate images from masks in one folder, by what marks the masks.

    Returns:
        tuple[list[Path]]: Images and masks.

    Raises:
        ValueError: Nothing marks the masks, or no file has the mark.
    """
    names = {path.relative_to(folder).as_posix(): path for path in files}
    keys = {name: cut(name, mask) if any(mask) else None for name in names}
    masked = {key for key in keys.values() if key is not None}
    photos = set()
    for name, key in keys.items():
        # A photo may end like a mask: `gas_mask`, with the mask `gas_mask_mask`.
        own = cut(name, image)
        if key is None or (own in masked and own != key):
            photos.add(name)
    if len(photos) == len(names):
        given = 'neither is given'
        if any(mask):
            said = f'ends in {mask.suffix}' if mask.suffix else f'contains {mask.part}'
            given = f'no file {said}'
        raise ValueError(
            f'{folder} is the folder of images and of masks. They are told apart '
            f'by --mask-suffix or --replace, and {given}.'
            f'{guess(names, names) or " Give what follows the name of an image."}'
        )
    return (
        [path for name, path in names.items() if name in photos],
        [path for name, path in names.items() if name not in photos],
    )


def pair_files(
    images: dict[str, Path],
    masks: dict[str, Path],
    partial: bool = False,
    cure: str = '',
) -> tuple[list[Pair], list[Path]]:
    """Match images and masks by name.

    Args:
        images (dict[str, Path]): From :func:`by_name`.
        masks (dict[str, Path]): From :func:`by_name`.
        partial (bool): Whether images without a mask are unlabeled images
            instead of an error.
        cure (str): Added to the error, if names do not match.

    Returns:
        tuple: ``(image, mask)`` pairs, and the images without a mask.

    Raises:
        ValueError: There is an image without a mask, or a mask without an
            image.
    """
    alone = [path for name, path in images.items() if name not in masks]
    orphans = [path for name, path in masks.items() if name not in images]
    faults = []
    if alone and not partial:
        faults.append(
            f'{len(alone)} of {len(images)} images have no mask. Give '
            '--partial to use them without labels, or --mask-suffix if '
            f'the names of masks end differently:{some_lines(alone)}'
        )
    if orphans:
        faults.append(
            f'{len(orphans)} of {len(masks)} masks have no image of their '
            f'name. Add the images, or remove the masks:{some_lines(orphans)}'
        )
    if faults:
        raise ValueError('\n'.join([*faults, cure.strip()]).rstrip())
    pairs = [(path, masks[name]) for name, path in images.items() if name in masks]
    return pairs, alone


def guess(images: Iterable[str], masks: Iterable[str]) -> str:
    """Propose the options by which names of images and masks match.

    Args:
        images (Iterable[str]): Paths of images in their folder.
        masks (Iterable[str]): Paths of masks in theirs; the same ones if
            images and masks are in one folder.

    Returns:
        str: A sentence with the options to give, or nothing if no options
        match more than the names themselves do.
    """
    images, masks = list(images), list(masks)
    shared = images == masks
    of_images, of_masks = _endings(images, shared), _endings(masks, shared)
    best, options = (0, False, 0), ''
    for mask, keys in of_masks.items():
        is_file = mask.lower() in SUFFIXES
        if is_file and mask.lower() not in LOSSLESS:
            continue
        for image, other in of_images.items():
            if mask == image or is_file != (image.lower() in SUFFIXES):
                continue
            count = len(keys & other)
            score = (count, bool(MASK_WORDS.search(mask)), -len(image) - len(mask))
            if (mask or not shared) and count and score > best:
                best = score
                options = f'--image-suffix {image} ' * bool(image and not is_file)
                options += f'--mask-suffix {mask}' * bool(mask)
    count, options = max(
        (best[0], options.strip()), _exchange(images, masks), key=lambda found: found[0]
    )
    plain = 0 if shared else len(of_images[''] & of_masks[''])
    if count <= plain:
        return ''
    return f' {count} pairs of names match with {options}.'


def _exchange(images: Sequence[str], masks: Sequence[str]) -> tuple[int, str]:
    """Find a word in the paths of images that another word replaces in masks'.

    Returns:
        tuple[int, str]: The number of pairs, and the option.
    """
    stems = [PurePath(name).with_suffix('').as_posix() for name in masks]
    best, option = 0, ''
    pairs = set()
    for name in {*images[:1], *images[len(images) // 2 :][:1]}:
        words = TOKEN.findall(PurePath(name).with_suffix('').as_posix())
        for other in map(TOKEN.findall, stems):
            if len(other) == len(words):
                differ = [p for p in zip(words, other, strict=True) if p[0] != p[1]]
                if len(differ) == 1 and all(word.isalpha() for word in differ[0]):
                    pairs |= {differ[0], differ[0][::-1]}
    for image, mask in sorted(pairs, key=lambda p: not MASK_WORDS.search(p[1])):
        keys = {cut(name, Mark(part=image)) for name in images} - {None}
        count = len(keys & {cut(name, Mark(part=mask)) for name in masks})
        if count > best:
            best, option = count, f'--replace {image} {mask}'
    return best, option


def _endings(
    names: Sequence[str], with_files: bool, most: int = 12
) -> dict[str, set[str]]:
    """Find the most common endings of names, and what precedes each.

    The empty ending is always among them; the suffixes of the files are if
    ``with_files``.
    """
    before: dict[str, set[str]] = {'': set()}
    for name in names:
        path = PurePath(name)
        stem = path.with_suffix('').as_posix()
        before[''].add(stem)
        if with_files:
            before.setdefault(path.suffix, set()).add(stem)
        start = len(stem) - len(path.stem)
        for match in ENDING.finditer(path.stem, 1):
            ending = path.stem[match.start() :]
            if re.search(r'[^\W\d_]', ending):
                before.setdefault(ending, set()).add(stem[: start + match.start()])
    common = sorted(before, key=lambda ending: -len(before[ending]))[:most]
    return {ending: before[ending] for ending in {'', *common}}

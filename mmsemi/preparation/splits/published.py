"""Fetch the published lists and verify them."""

import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mmsemi.utils.files import write_whole
from mmsemi.utils.progress import progress_bar

from .table import PUBLISHED, PublishedSplits

# Returns the content of a file below a folder or URL, or None if there is none.
Reader = Callable[[str], bytes | None]

MAX_BYTES = 64 << 20  # ten times the longest published list


class ListReport(NamedTuple):
    """The outcome for one list; ``error`` is empty if it succeeded."""

    name: str
    lines: int
    state: str
    error: str = ''


def folder_reader(folder: str | Path) -> Reader:
    """Return a reader of files below a folder.

    Raises:
        FileNotFoundError: There is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f'There is no folder {folder} to take lists from.')

    def read(path: str) -> bytes | None:
        file = folder / path
        return file.read_bytes() if file.is_file() else None

    return read


def url_reader(base: str, timeout: float = 30) -> Reader:
    """Return a reader of files below an http(s) URL.

    The reader raises ``ConnectionError`` if the server does not answer, or
    answers anything but the file or "not found".

    Raises:
        ValueError: It is not an http(s) URL.
    """
    if not base.startswith(('http://', 'https://')):
        raise ValueError(
            f'{base} is no http:// or https:// address. For lists on this '
            'machine give their folder with --from.'
        )

    def read(path: str) -> bytes | None:
        url = f'{base.rstrip("/")}/{path}'
        try:
            with urllib.request.urlopen(url, timeout=timeout) as answer:
                content = answer.read(MAX_BYTES + 1)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise ConnectionError(
                f'{url} answers {error.code} {error.reason}. Try again later, '
                'or give another --url.'
            ) from error
        except OSError as error:  # URLError and timeouts among them
            raise ConnectionError(
                f'{url} cannot be reached ({error}). Without a network, copy '
                'the repository here and give its folder with --from.'
            ) from error
        if len(content) > MAX_BYTES:
            raise ValueError(
                f'{url} is longer than any list: more than {MAX_BYTES >> 20} MiB. '
                'Give another --url.'
            )
        return content

    return read


def normalise(content: bytes, where: str) -> str:
    """Normalise the text of a list, for its hash.

    The result has one ``IMAGE MASK`` pair per line with one blank between the
    two and none around them, no byte order mark, no empty lines, and ends
    every line with LF. Order and paths are kept: the published ones are those
    of our layout.

    Args:
        content (bytes): Content of the file.
        where (str): What error messages call it.

    Raises:
        ValueError: It is not UTF-8 text, or a path in it is absolute or
            leads out of the data root.
    """
    try:
        text = content.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(
            f'{where} is no list: not UTF-8 text ({error}). Fetch it again.'
        ) from error
    lines = [' '.join(line.split()) for line in text.split('\n')]
    lines = [line for line in lines if line]
    for line in lines:
        for name in line.split():
            path = PurePosixPath(name.replace('\\', '/'))
            if path.is_absolute() or '..' in path.parts or ':' in name:
                raise ValueError(
                    f'{where} names {name!r}, which leads out of the data '
                    'root. Do not use this list; take it from its authors.'
                )
    return ''.join(f'{line}\n' for line in lines)


def check_list(dataset: str, name: str, text: str, where: str, cure: str) -> None:
    """Compare a normalised list with the table of published ones.

    Args:
        dataset (str): A key of ``PUBLISHED``.
        name (str): Name of the list.
        text (str): From :func:`normalise`.
        where (str): What error messages call it.
        cure (str): How to correct a wrong list.

    Raises:
        ValueError: It is another list.
    """
    expected = PUBLISHED[dataset].lists[name]
    lines = text.count('\n')
    found = hashlib.sha256(text.encode()).hexdigest()
    if expected.sha256 not in (None, found):
        raise ValueError(
            f'{where} is not the published {dataset} list {name}: expected '
            f'{expected.lines} lines with SHA-256 {expected.sha256}, found '
            f'{lines} lines with {found}. {cure}'
        )
    distinct = len(set(text.splitlines()))
    if (lines, distinct) != (expected.lines, expected.lines):
        raise ValueError(
            f'{where} is not the {dataset} list {name}: expected '
            f'{expected.lines} different lines, found {distinct} among '
            f'{lines}. {cure}'
        )


def fetch_lists(
    dataset: str, read: Reader, source: str, data_root: str | Path
) -> list[ListReport]:
    """Write the published lists of a data set to ``DATA_ROOT/splits``.

    An existing list is verified and kept, so a second run, or one after a
    failure, fetches only what is missing. Nothing unverified is written, and a
    list that cannot be fetched does not stop the others.

    The source may hold ``LIST.txt`` or ``LIST/labeled.txt``, in itself, in
    ``DATASET/`` or in ``splits/DATASET/``. If it has no file with the full
    train list, that is the sorted union of a split's ``labeled.txt`` and
    ``unlabeled.txt``.

    Args:
        dataset (str): A key of ``PUBLISHED``.
        read (Reader): Reads the source.
        source (str): What error messages call the source.
        data_root (str or Path): Its folder ``splits`` is created.

    Returns:
        list[ListReport]: One per list.

    Raises:
        ConnectionError: The source is a server that cannot be reached.
    """
    published = PUBLISHED[dataset]
    folder = Path(data_root) / 'splits'
    find = _Finder(dataset, read, source)
    reports = []
    with progress_bar(published.lists, f'{dataset} lists') as bar:
        for name in bar:
            file = folder / f'{name}.txt'
            try:
                if file.is_file():
                    state = 'there already'
                    text = normalise(file.read_bytes(), str(file))
                    check_list(
                        dataset,
                        name,
                        text,
                        str(file),
                        'Move or delete it, and run this again.',
                    )
                else:
                    state = 'fetched'
                    text = (
                        find.train(Path(data_root))
                        if name == published.train
                        else find.listed(name)
                    )
                    write_whole(file, text.encode())
                reports.append(ListReport(name, text.count('\n'), state))
            except ConnectionError:
                raise
            except (OSError, ValueError) as error:
                reports.append(ListReport(name, 0, 'missing', str(error)))
    return reports


class _Finder:
    """Find and verify the lists of one data set in one source."""

    def __init__(self, dataset: str, read: Reader, source: str) -> None:
        self.dataset = dataset
        self.published: PublishedSplits = PUBLISHED[dataset]
        self.read = read
        self.source = source
        names = dict.fromkeys((self.published.folder, dataset))
        self.prefixes = (
            [f'{name}/' for name in names]
            + ['']
            + [f'splits/{name}/' for name in names]
        )
        self.cure = (
            f'Fetch it again from {self.published.repository}, or '
            'give another source with --from or --url.'
        )

    def listed(self, name: str) -> str:
        """Return a labeled or validation list."""
        theirs = self.published.names.get(name, name)
        paths = [f'{theirs}.txt']
        if name not in ('val', self.published.train):
            paths.insert(0, f'{theirs}/labeled.txt')
        texts = self._first(paths)
        if texts is None:
            raise FileNotFoundError(
                f'{self.source} holds no {self.dataset} list {name} '
                f'({" or ".join(paths)}). {self.cure}'
            )
        return self._checked(name, *texts.popitem())

    def train(self, data_root: Path) -> str:
        """Return the full train list; derive it if the source has none."""
        name = self.published.train
        texts = self._first([f'{name}.txt'])
        if texts is not None:
            return self._checked(name, *texts.popitem())
        for split in self.published.lists:
            if split in ('val', name):
                continue
            texts = self._first([f'{split}/labeled.txt'], also=f'{split}/unlabeled.txt')
            if texts is not None:
                lines = ''.join(texts.values()).splitlines()
                return self._sorted(name, lines, ' with '.join(texts))
        images = self.published.train_images
        if images and (data_root / images).is_dir():
            lines = [
                f'{images}/{file.name} masks/{file.stem}.png'
                for file in (data_root / images).glob('*.jpg')
            ]
            return self._sorted(name, lines, str(data_root / images))
        raise FileNotFoundError(
            f'{self.source} holds neither a train list ({name}.txt) nor the '
            f'two parts of one (SPLIT/labeled.txt, SPLIT/unlabeled.txt)'
            f'{f", and {data_root / images} is not there" if images else ""}'
            f'. {self.cure}'
        )

    def _first(
        self, paths: list[str], also: str | None = None
    ) -> dict[str, str] | None:
        """Read the first path that exists (and ``also``): normalised text by name."""
        for prefix in self.prefixes:
            for path in paths:
                names = [prefix + name for name in (path, also) if name]
                read = {f'{self.source}/{name}': self.read(name) for name in names}
                found = {
                    where: text for where, text in read.items() if text is not None
                }
                if len(found) == len(names):
                    # The next list is most likely beside this one.
                    self.prefixes.remove(prefix)
                    self.prefixes.insert(0, prefix)
                    return {
                        where: normalise(text, where) for where, text in found.items()
                    }
        return None

    def _sorted(self, name: str, lines: list[str], where: str) -> str:
        text = ''.join(f'{line}\n' for line in sorted(lines))
        return self._checked(name, where, text)

    def _checked(self, name: str, where: str, text: str) -> str:
        check_list(self.dataset, name, text, where, self.cure)
        return text

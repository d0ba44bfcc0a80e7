"""Keep a copy of a folder at an address while files are written to it."""

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from ..files import replacing
from .addresses import AT_ONCE, StorageError, attempt, call, join_address, upload

EVERY = 10.0  # seconds between two looks for new files
LATE = 120.0  # seconds behind, from which on it is said
CONTENTS = 'contents.json'  # at the address: files with size and time; pointers
# Files that say what the others are: a copy of one is never newer than theirs.
POINTERS = ('finished.json', 'last_validation', 'last_checkpoint')
LOCK = '.mirror.lock'

State = tuple[int, int]  # size in bytes, time of the last change in ns
Contents = tuple[dict[str, State], dict[str, str]]  # files; texts of the pointers


class Mirror:
    """A copy of a folder at an address, written from a thread.

    Files that are new or changed are uploaded, those that were removed are removed
    there.  ``contents.json`` lists what belongs together, with the contents of
    :data:`POINTERS`.  It is written after the files that it lists and before any is
    removed, so that a copy which an end of the machine cuts off is still the one
    before.  Left out are names that begin with a dot, of files while they are written,
    and ``*.partial``, the notes of a pass, which may be newer than its results.

    Args:
        folder (Path): The folder.
        address (str): Of its copy.
    """

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address
        self.error: Exception | None = None
        self._sent: dict[str, State] = {}
        self._listed: Contents | None = None
        self._complete = time.monotonic()  # when what is there now was here
        self._ending = threading.Event()
        self._thread = threading.Thread(
            target=self._keep_up, name='mirror', daemon=True
        )

    def holds_files(self) -> bool:
        """Ask whether there is a copy at the address."""
        return bool(self._contents()[0])

    def fetch(self) -> None:
        """Fetch the files of the copy that the folder lacks, or has older.

        Of several processes on a machine, one fetches.

        Raises:
            OSError: The address cannot be reached, or the folder not written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with _locked(self.folder / LOCK), ThreadPoolExecutor(AT_ONCE) as pool:
            files, pointers = self._contents()
            # Of a machine whose clock is ahead: new files must be the newest.
            newest = max((when for _, when in files.values()), default=0)
            ahead = max(0, newest - time.time_ns())
            states = {n: (size, t - ahead) for n, (size, t) in files.items()}
            texts = [self._here(name, pointers.get(name), files) for name in files]
            list(pool.map(self._fetch, states, states.values(), texts))
        self._sent = {
            name: state
            for name, state in states.items()
            if _state(self.folder / name) == state
        }

    def start(self) -> None:
        """Upload what there is, and go on in a thread.

        Raises:
            OSError: The address cannot be reached or written to.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.update()
        except (FileNotFoundError, NotImplementedError) as error:
            raise FileNotFoundError(
                f'Nothing can be written to {self.address} ({error or "read only"}): '
                'create its bucket, or correct --work-dir.'
            ) from error
        self._thread.start()

    def check(self) -> float:
        """Return how many seconds the copy is behind.

        Raises:
            StorageError: The address cannot be reached any more.
        """
        if self.error is not None:
            raise self._lost(self.error) from self.error
        return time.monotonic() - self._complete

    def stop(self) -> None:
        """End the thread, and upload the rest.

        Raises:
            StorageError: The address cannot be reached.
        """
        self._ending.set()
        self._thread.join()
        self.check()
        try:
            self.update()
        except OSError as error:
            self.error = error
            raise self._lost(error) from error

    def update(self) -> None:
        """Upload what is new, and remove what is gone.

        Raises:
            OSError: The address cannot be reached.
        """
        began = time.monotonic()
        pointers = self._read_pointers()  # before the files that they are about
        while not (self._upload_new(found := self._scan())):
            pass  # one was superseded since
        texts = {name: text for name, (_, text) in pointers.items()}
        files = found | {name: state for name, (state, _) in pointers.items()}
        if (files, texts) != self._listed:
            text = json.dumps(dict(files=files, pointers=texts), indent=0)
            call(self._there(CONTENTS), 'pipe_file', text.encode())
            self._listed = files, texts
        for name, text in texts.items():
            if self._sent.get(name) != files[name]:
                call(self._there(name), 'pipe_file', text.encode())
                self._sent[name] = files[name]
        for name in self._sent.keys() - files.keys():
            with suppress(FileNotFoundError):
                call(self._there(name), 'rm_file')
            del self._sent[name]
        self._complete = began

    def _keep_up(self) -> None:
        pause = EVERY
        while not self._ending.wait(pause):
            began = time.monotonic()
            try:
                self.update()
            except Exception as error:  # raised by `check`, in the main thread
                self.error = error
                return
            # Large folders and slow addresses are not kept busy all the time.
            pause = max(EVERY, time.monotonic() - began)

    def _lost(self, error: Exception) -> StorageError:
        return StorageError(
            f'{error} Nothing is lost: everything is in {self.folder}, where '
            '`--resume` with the same --work-dir goes on, and uploads it.'
        )

    def _contents(self) -> Contents:
        try:
            text = call(self._there(CONTENTS), 'cat_file')
        except FileNotFoundError:
            return {}, {}
        try:
            read = json.loads(text)
            files = {name: (size, when) for name, (size, when) in read['files'].items()}
            return files, dict(read['pointers'])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f'{self._there(CONTENTS)} is damaged ({error!r}): copy the checkpoints '
                'to a folder, and resume there.'
            ) from error

    def _here(self, name: str, text: str | None, files: Iterable[str]) -> str | None:
        """Let a pointer that names a file beside it name the one in this folder."""
        beside = Path(name).parent / os.path.basename((text or '').strip())
        if beside.as_posix() in files:
            return str((self.folder / beside).absolute())
        return text

    def _fetch(self, name: str, state: State, text: str | None) -> None:
        there, when = self._there(name), state[1]
        file = self.folder / name
        with suppress(FileNotFoundError):
            if file.stat().st_mtime_ns >= when:
                return
        with suppress(FileNotFoundError), replacing(file) as part:
            if text is None:
                attempt(there, lambda system, path: system.get_file(path, str(part)))
            else:
                part.write_text(text)
            os.utime(part, ns=(when, when))

    def _upload_new(self, found: dict[str, State] | None) -> bool:
        """Upload what is new of the files; return whether all were still there."""
        if found is None:
            return False

        def send(name: str) -> bool:
            try:
                upload(self.folder / name, self._there(name))
            except FileNotFoundError:
                if (self.folder / name).exists():
                    raise
                return False
            self._sent[name] = found[name]
            return True

        new = [name for name, state in found.items() if self._sent.get(name) != state]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return all(list(pool.map(send, new)))

    def _there(self, name: str) -> str:
        return join_address(self.address, name)

    def _read_pointers(self) -> dict[str, tuple[State, str]]:
        """Return state and content of each pointer, those written last first."""
        names = {name: [] for name in POINTERS}
        for name in self._walk():
            if os.path.basename(name) in POINTERS:
                names[os.path.basename(name)].append(name)
        read = {}
        for name in (name for each in names.values() for name in each):
            with suppress(FileNotFoundError):
                state = _state(self.folder / name)
                read[name] = state, (self.folder / name).read_text()
        return read

    def _scan(self) -> dict[str, State] | None:
        """Return the states of all files but pointers; None if one is gone since."""
        names = [n for n in self._walk() if os.path.basename(n) not in POINTERS]
        states = {name: _state(self.folder / name) for name in names}
        return None if None in states.values() else states

    def _walk(self) -> Iterator[str]:
        for folder, folders, names in os.walk(self.folder):
            folders[:] = [name for name in folders if not name.startswith('.')]
            for name in names:
                if not name.startswith('.') and not name.endswith('.partial'):
                    yield Path(folder, name).relative_to(self.folder).as_posix()


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Let one process of this machine after the other execute the block."""
    with file.open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _state(file: Path) -> State | None:
    try:
        about = file.stat()
    except FileNotFoundError:
        return None
    return about.st_size, about.st_mtime_ns

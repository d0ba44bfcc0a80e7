"""Keep files that were fetched in a folder of limited size."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from ..files import write_whole

SLACK = 0.05  # of the limit: what a process writes before it counts the folder again


class FileCache:
    """Copies of remote files on a disk of this machine.

    A copy is whole or absent, and any number of processes may share the folder.
    When it is full, the files that were not read for longest are removed.  It may
    also be removed by hand, at any time.  (fsspec's own caches have no limit.)

    Args:
        folder (Path): It is created with the first file.
        limit (float): Most bytes that it holds; several processes may exceed it
            by a twentieth each.
    """

    def __init__(self, folder: Path, limit: float) -> None:
        self.folder = folder
        self.limit = limit
        self._written = limit  # since the folder was counted, which it never was

    def keep(self, address: str, fetch: Callable[[], bytes]) -> Path:
        """Return the copy of a file, and fetch it if it is not there.

        Args:
            address (str): Where the file comes from.  The name of the copy follows
                from this alone: a file that changes there is not fetched again.
            fetch (Callable): Returns its content.

        Raises:
            OSError: The copy cannot be written, or whatever ``fetch`` raises.
        """
        name = hashlib.blake2b(address.encode(), digest_size=16).hexdigest()
        file = self.folder / name[:2] / name
        try:
            os.utime(file)  # the time at which it was read last
        except FileNotFoundError:
            content = fetch()
            self._make_room(len(content))
            write_whole(file, content)
        return file

    def _make_room(self, size: int) -> None:
        """Remove what was not read for longest, if ``size`` more is too much."""
        self._written += size
        if self._written < SLACK * self.limit:
            return
        self._written = 0
        found = []
        for file in self.folder.glob('*/*'):
            try:
                state = file.stat()
            except FileNotFoundError:  # removed by another process
                continue
            found.append((state.st_mtime_ns, state.st_size, file))
        total = size + sum(each[1] for each in found)
        for _, length, file in sorted(found):
            if total <= (1 - SLACK) * self.limit:
                break
            file.unlink(missing_ok=True)
            total -= length

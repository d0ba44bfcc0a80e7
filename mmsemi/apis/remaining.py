"""Choose the images that a process has still to predict."""

import hashlib
import os.path as osp
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from mmsemi.datasets import list_line
from mmsemi.datasets.lists import write_list
from mmsemi.utils.passes import Pass
from mmsemi.utils.progress import Job
from mmsemi.utils.storage import is_address

from .outputs import OutputFolder, mark
from .sources import Image, NamedImages


class Remaining(NamedImages):
    """Images that a process has to predict, chosen when their turn comes.

    Args:
        images (NamedImages): All images.
        folder (OutputFolder, optional): Where the results go.
        network (str): From :func:`fingerprint`.
        process (int): Number of this process, from 0.
        processes (int): Number of processes that share the images.
        again (bool): Whether to predict images whose results are there, too.

    Attributes:
        earlier (int): Images whose results were there already.
        failed (list[str]): Names and errors of images that cannot be used.
    """

    def __init__(
        self,
        images: NamedImages,
        folder: OutputFolder | None,
        network: str,
        process: int = 0,
        processes: int = 1,
        again: bool = False,
    ) -> None:
        super().__init__(images.images, images.names, images.root)
        self.folder, self.network, self.again = folder, network, again
        self.process, self.processes = process, processes
        self.earlier, self.failed = 0, []
        self._under_way: list[tuple[str, int, str]] = []  # name, number, mark

    def __len__(self) -> int:
        return -(-super().__len__() // self.processes)

    def __iter__(self) -> Iterator[tuple[str, Image]]:
        for i, (name, image) in enumerate(super().__iter__()):
            if i % self.processes != self.process:
                continue
            if self.folder is None:
                yield name, image
            elif (state := self._state(name, image)) is None:
                continue
            elif self._has(name, state):
                self.earlier += 1
            else:
                self._under_way.append((name, i, state))
                yield name, image

    def _has(self, name: str, state: str) -> bool:
        return not self.again and self.folder.has(name, state)

    def _state(self, name: str, image: Image) -> str | None:
        try:
            return mark(self.network, image)
        except OSError as error:
            self.failed.append(f'{name}: {error}')
            return None

    def take(self, name: str) -> tuple[int, str]:
        """Return number and mark of an image that is under way no longer."""
        # A list may name an image twice: the first one is meant.
        place = [each for each, _, _ in self._under_way].index(name)
        return self._under_way.pop(place)[1:]

    def fail(self, name: str, error: Exception) -> None:
        """Note that an image cannot be used."""
        self.failed.append(f'{name}: {error}')
        if self.folder is not None:
            self.take(name)


class RemainingFiles(Remaining):
    """The same of files, whose number is known: a pass that a kill does not undo.

    Args:
        show (bool): Show the search for earlier results if it takes long.
        **kwargs: As in :class:`Remaining`; ``folder`` is required.

    Raises:
        OSError: The folder cannot be written to.
    """

    def __init__(self, *args, show: bool = True, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        names = hashlib.sha256(f'{self.root}'.encode())
        for name in self.names:
            names.update(f'{name}\n'.encode())
        self.work = Pass(
            self.folder.folder,
            f'{self.network} {self.folder.style()} {names.hexdigest()}',
            len(self.names),
            self.process,
            self.processes,
            self.again,
        )
        self.earlier = self.work.earlier
        self.left = self.work.left
        if not self.again and (self.folder.folder / 'masks').is_dir():
            self._skip_results(show)

    def _skip_results(self, show: bool) -> None:
        """Leave out images with results of which this pass has no note."""
        left = np.ones(len(self.left), bool)
        with Job('Looking for results', len(left), show=show) as job:
            for k, i in enumerate(self.left.tolist()):
                name, image = self.names[i], self.images[i]
                with suppress(OSError):  # which is told when its turn comes
                    if self.folder.has(name, mark(self.network, image)):
                        left[k] = False
                        self.work.note(i)
                job.advance()
        self.earlier += len(left) - np.count_nonzero(left)
        self.left = self.left[left]

    def __len__(self) -> int:
        return len(self.left)

    def __iter__(self) -> Iterator[tuple[str, Image]]:
        for i in self.left.tolist():
            name, image = self.names[i], self.images[i]
            state = self._state(name, image)
            if state is not None:
                self._under_way.append((name, i, state))
                yield name, image

    def check_list(self) -> None:
        """Check that a list can hold the names of this process's images.

        Raises:
            ValueError: It cannot; the name is in the message.
        """
        for i in range(self.process, len(self.names), self.processes):
            list_line(*self._line(i))

    def finish(self, list_file: Path | None) -> int:
        """End the pass; the last process writes the list of all results.

        Args:
            list_file (Path, optional): The list to write.

        Returns:
            int: Number of images in the list; 0 if it was not written.
        """
        self.work.end()
        if not self.work.ended():
            return 0
        done, _ = self.work.results()
        count = 0
        if list_file is not None and len(done):
            count = write_list(list_file, map(self._line, done.tolist()))
        self.work.remove()
        return count

    def _line(self, i: int) -> tuple[str, str]:
        """Return an image and its mask as a list names them."""
        root, image = str(self.root), str(self.images[i])
        mask = osp.abspath(self.folder.file('masks', self.names[i]))
        if not is_address(root):
            base = osp.abspath(root)
            image = osp.relpath(osp.abspath(image), base)
            if Path(mask).is_relative_to(base):
                mask = osp.relpath(mask, base)
        else:
            image = osp.relpath(image, root)
        return image, mask

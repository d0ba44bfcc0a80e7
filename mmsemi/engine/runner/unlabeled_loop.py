"""Visit unlabeled images, in several processes and after a kill."""

import hashlib
import os.path as osp
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.dist import barrier, get_dist_info
from mmengine.runner import BaseLoop, Runner
from mmengine.runner.amp import autocast
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from mmsemi.datasets import FaultyFile
from mmsemi.datasets.lists import iter_list
from mmsemi.registry import DATASETS
from mmsemi.utils.passes import Pass, fingerprint

from ..unwrap import student


class _WithFaults(Dataset):
    """Return images; for one that cannot be used, its error."""

    def __init__(self, images: Dataset) -> None:
        self.images = images

    def __getitem__(self, i: int) -> dict | FaultyFile:
        try:
            return self.images[i]
        except FaultyFile as error:
            return error


class UnlabeledLoop(BaseLoop):
    """Visit unlabeled images, divided among the processes.

    A pass that was killed continues with the images that it has not finished, on
    any number of processes, if network and settings are the same
    (:class:`mmsemi.utils.passes.Pass`).  Images are predicted one by one, in full
    size.  Those that cannot be used are left out, up to ``max_corrupt`` of the data
    set on each process.

    Args:
        runner (Runner): Runner whose network predicts.
        dataloader (dict): ``dataset``, a
            :class:`mmsemi.datasets.SemiSegDataset` whose ``unlabeled`` images
            are visited, and ``num_workers``.
        evaluator (dict, optional): Not used: nothing is evaluated.
        image_list (str, optional): File that lists the images to visit, one
            per line, relative to the data root.  Defaults to None: all.
        fp16 (bool): Predict in mixed precision, as in MMEngine's loops.
            Defaults to False.
    """

    title = ''

    def __init__(
        self,
        runner: Runner,
        dataloader: dict,
        evaluator: dict | None = None,
        image_list: str | None = None,
        fp16: bool = False,
    ) -> None:
        self.fp16 = fp16
        self.settings = dataloader['dataset'].get('unlabeled_pipeline')
        self.num_workers = dataloader.get('num_workers', 0)
        dataset = DATASETS.build(dataloader['dataset'])
        self.dataset = dataset
        self.images = dataset.unlabeled
        self.left = dataset.max_corrupt  # images that may still be left out
        self.places = np.arange(len(self.images))  # of the images in their list
        if image_list is not None:
            names = _digests(map(self._name, self.places))
            wanted = _digests(entry.image for entry in iter_list(image_list))
            self.places = np.flatnonzero(np.isin(names, wanted))
        self.work_dir = Path(runner.work_dir)
        self.rank, self.world_size = get_dist_info()
        super().__init__(runner, self._load(self.places))

    def _load(self, places: np.ndarray) -> DataLoader:
        return DataLoader(
            _WithFaults(self.images),
            sampler=places,
            num_workers=self.num_workers,
            collate_fn=pseudo_collate,
        )

    def _name(self, place: int) -> str:
        path = self.images.get_data_info(place)['img_path']
        return osp.relpath(path, self.images.data_root)

    def name(self, item: int) -> str:
        """Return the name of the i-th image of the pass, relative to the data root."""
        return self._name(self.places[item])

    def run(self) -> None:
        """Visit this process's images, wait for the others, and finish."""
        network = student(self.runner).eval()
        self.work = Pass(
            self.work_dir,
            self._mark(network),
            len(self.places),
            self.rank,
            self.world_size,
        )
        self.dataloader = self._load(self.places[self.work.left])
        with (
            torch.no_grad(),
            autocast(enabled=self.fp16),
            self.work.shown(self.title, self.rank == 0) as tell,
        ):
            for batch, i in zip(self.dataloader, self.work.left, strict=True):
                if isinstance(batch, list):
                    self._leave_out(*batch)
                    continue
                batch = network.data_preprocessor(batch, False)
                value = self.visit(self.name(i), network, batch['inputs'])
                self.work.note(i, value)
                tell()
            self.work.end()
            self.work.wait(tell, getattr(self.runner, 'dist_timeout', 1800))
        barrier()
        if self.rank == 0:
            self.finish()
            self.work.remove()
        barrier()

    def _mark(self, network: nn.Module) -> str:
        """Name all that decides the results."""
        images = hashlib.sha256(self.images.data_bytes)
        for numbers in self.images.data_address, self.places:
            images.update(numbers)
        settings = (
            *(self.title, self.settings, self.fp16, self.runner.cfg.model),
            *self.extra_settings(),
        )
        return f'{fingerprint(network.state_dict(), settings)} {images.hexdigest()}'

    def extra_settings(self) -> Sequence[object]:
        """Return what else decides the results."""
        return ()

    def _leave_out(self, error: FaultyFile) -> None:
        self.left -= 1
        if self.left < 0:
            raise error
        self.runner.logger.warning(f'{error} It is left out.')

    @abstractmethod
    def visit(self, name: str, network: nn.Module, image: Tensor) -> float:
        """Process one image.

        Args:
            name (str): Relative to the data root.
            network (nn.Module): In eval mode.
            image (Tensor): (1, 3, H, W) float, normalised.

        Returns:
            float: What :meth:`finish` needs to know of it.
        """

    @abstractmethod
    def finish(self) -> None:
        """Write the results, once all processes are done."""


def _digests(names: Iterable[str]) -> np.ndarray:
    """Return 16 bytes for each name: of millions, the names would fill the memory."""
    return np.fromiter(
        (hashlib.blake2b(n.encode(), digest_size=16).digest() for n in names), 'S16'
    )

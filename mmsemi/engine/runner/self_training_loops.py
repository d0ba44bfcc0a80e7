"""What self-training does with its unlabeled images."""

import csv
import io
import json
import os.path as osp
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from copy import deepcopy
from pathlib import Path

import torch
from mmengine.dataset import pseudo_collate
from mmengine.dist import barrier, get_dist_info
from mmengine.runner import BaseLoop, Runner
from mmengine.runner.amp import autocast
from rich.progress import track
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from mmsemi.datasets import FaultyFile, list_line, read_list
from mmsemi.datasets.semi_dataset import image_paths
from mmsemi.models.utils import snapshot_reliability, tta_probabilities
from mmsemi.registry import DATASETS, LOOPS
from mmsemi.utils.checkpoint import read_checkpoint, unwrap
from mmsemi.utils.files import write_whole
from mmsemi.visualization import save_mask

from ..unwrap import student


class _WithFaults(Dataset):
    """Images, and the errors of those that cannot be used."""

    def __init__(self, images: Dataset) -> None:
        self.images = images

    def __getitem__(self, i: int) -> dict | FaultyFile:
        try:
            return self.images[i]
        except FaultyFile as error:
            return error


class UnlabeledLoop(BaseLoop):
    """A pass over unlabeled images, of which every process takes a share.

    What is on disk already is left alone, so that an interrupted pass goes
    on where it was, on as many processes or others.  Images are predicted
    one by one, at their own size.  Those that cannot be used are left out;
    more on one process than ``max_corrupt`` of the data set are an error.

    Args:
        runner (Runner): Whose network predicts.
        dataloader (dict): ``dataset``, whose ``unlabeled`` images are meant
            (:class:`mmsemi.datasets.SemiSegDataset`), and ``num_workers``.
        evaluator: Not used; there is nothing to compare with.
        image_list (str, optional): File with the images among them to
            visit, one per line, relative to the data root.  Defaults to
            None: all.
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
        dataset = DATASETS.build(dataloader['dataset'])
        self.images = dataset.unlabeled
        self.left = dataset.max_corrupt  # that may be left out
        self.names = [
            osp.relpath(path, self.images.data_root)
            for path in image_paths(self.images)
        ]
        if image_list is not None:
            wanted = {entry.image for entry in read_list(image_list)}
            kept = [i for i, name in enumerate(self.names) if name in wanted]
            self.images.get_subset_(kept)
            self.names = [self.names[i] for i in kept]
        self.work_dir = Path(runner.work_dir)
        self.rank, self.world_size = get_dist_info()
        self.share = [
            i
            for i in range(self.rank, len(self.names), self.world_size)
            if not self.is_done(self.names[i])
        ]
        super().__init__(
            runner,
            DataLoader(
                _WithFaults(self.images),
                sampler=self.share,
                num_workers=dataloader.get('num_workers', 0),
                collate_fn=pseudo_collate,
            ),
        )

    def run(self) -> None:
        """Visit the share, wait for the other processes, and finish."""
        network = student(self.runner).eval()
        batches = track(self.dataloader, self.title, disable=self.rank != 0)
        with torch.no_grad(), autocast(enabled=self.fp16):
            for batch, i in zip(batches, self.share):
                if isinstance(batch, list):
                    self._leave_out(*batch)
                    continue
                batch = network.data_preprocessor(batch, False)
                self.visit(self.names[i], network, batch['inputs'])
        barrier()
        if self.rank == 0:
            self.finish()
        barrier()

    def _leave_out(self, error: FaultyFile) -> None:
        self.left -= 1
        if self.left < 0:
            raise error
        self.runner.logger.warning(f'{error} It is left out.')

    @abstractmethod
    def is_done(self, name: str) -> bool:
        """Whether an image was visited before."""

    @abstractmethod
    def visit(self, name: str, network: nn.Module, image: Tensor) -> None:
        """Do what is to be done with an image (1, 3, H, W), normalised."""

    @abstractmethod
    def finish(self) -> None:
        """Sum up, when all processes are through."""


@LOOPS.register_module()
class ReliabilityLoop(UnlabeledLoop):
    """Ranks the unlabeled images by how much snapshots agree on them.

    Writes ``reliability.csv`` (every image with its score, the most reliable
    first; see :func:`mmsemi.models.utils.snapshot_reliability`) and a list of
    images for every round (:func:`round_lists`) into the work dir.

    Args:
        snapshots (Sequence[str]): Checkpoints, oldest first.  The network of
            the runner has the weights of the last one.
        shares (Sequence[float]): Most reliable share of the images that
            every round uses, ascending to 1.
        **kwargs: As in :class:`UnlabeledLoop`.
    """

    title = 'Scoring reliability'

    def __init__(
        self,
        runner: Runner,
        *args,
        snapshots: Sequence[str],
        shares: Sequence[float],
        **kwargs,
    ) -> None:
        self.shares = shares
        self.scores = self._read_scores(Path(runner.work_dir))
        super().__init__(runner, *args, **kwargs)
        network = student(runner)
        self.earlier = [deepcopy(network).eval() for _ in snapshots[:-1]]
        for snapshot, file in zip(self.earlier, snapshots):
            snapshot.load_state_dict(unwrap(read_checkpoint(file)))

    def run(self) -> None:
        file = self.work_dir / f'scores_{self.rank}.partial'
        with open(file, 'a', encoding='utf-8') as self.file:
            self.file.write('\n')  # ends a line that a kill cut off
            super().run()

    def is_done(self, name: str) -> bool:
        return name in self.scores

    def visit(self, name: str, network: nn.Module, image: Tensor) -> None:
        labels = torch.stack(
            [model.logits(image).argmax(1) for model in (*self.earlier, network)]
        )
        score = snapshot_reliability(labels, network.num_classes).item()
        self.file.write(json.dumps([name, score]) + '\n')
        self.file.flush()

    def finish(self) -> None:
        scores = self._read_scores(self.work_dir)
        names = [name for name in self.names if name in scores]
        ranked = sorted(names, key=lambda name: -scores[name])
        table = io.StringIO()
        writer = csv.writer(table, lineterminator='\n')
        writer.writerow(['image', 'reliability'])
        writer.writerows([name, scores[name]] for name in ranked)
        write_whole(self.work_dir / 'reliability.csv', table.getvalue().encode())
        start = 0
        for share, file in zip(
            self.shares, round_lists(self.work_dir, len(self.shares))
        ):
            end = int(len(ranked) * share)
            write_list(file, ([name] for name in ranked[start:end]))
            start = end
        for file in self.work_dir.glob('scores_*.partial'):
            file.unlink()

    @staticmethod
    def _read_scores(work_dir: Path) -> dict[str, float]:
        """Of all processes, and of interrupted runs."""
        scores = {}
        for file in work_dir.glob('scores_*.partial'):
            for line in file.read_text(encoding='utf-8').splitlines():
                try:
                    name, scores[name] = json.loads(line)
                except ValueError:
                    continue  # blank, or cut off
        return scores


@LOOPS.register_module()
class PseudoLabelLoop(UnlabeledLoop):
    """Labels unlabeled images by the network of the runner.

    Writes ``masks/IMAGE.png`` (class indices with the palette) for every
    image and the list ``pseudo_labels.txt`` of ``IMAGE MASK`` lines into the
    work dir.

    Args:
        scales (Sequence[float]): Of the test-time augmentation, see
            :func:`mmsemi.models.utils.tta_probabilities`.
        previous_list (str, optional): Pseudo-labels of earlier rounds, which
            the list begins with.
        **kwargs: As in :class:`UnlabeledLoop`.
    """

    title = 'Labeling'

    def __init__(
        self, *args, scales: Sequence[float], previous_list: str | None = None, **kwargs
    ) -> None:
        self.scales = scales
        self.previous_list = previous_list
        super().__init__(*args, **kwargs)

    def mask_file(self, name: str) -> Path:
        """Where the mask of an image is: by its whole name, so that no two
        share one, and inside the work dir, wherever the image is."""
        parts = ['up' if part == '..' else part for part in Path(name).parts]
        return self.work_dir.joinpath('masks', *parts[:-1], f'{parts[-1]}.png')

    def is_done(self, name: str) -> bool:
        return self.mask_file(name).is_file()

    def visit(self, name: str, network: nn.Module, image: Tensor) -> None:
        prob = tta_probabilities(network.logits, image, self.scales)
        save_mask(
            prob.argmax(1)[0].byte().cpu().numpy(),
            self.images.metainfo['palette'],
            self.mask_file(name),
        )

    def finish(self) -> None:
        rows = [
            [name, str(self.mask_file(name))]
            for name in self.names
            if self.is_done(name)
        ]
        if self.previous_list is not None:
            rows = [*read_list(self.previous_list), *rows]
        write_list(self.work_dir / 'pseudo_labels.txt', rows)


def round_lists(work_dir: Path, num_rounds: int) -> list[Path]:
    """The lists of images that every round adds.

    ``reliable_1.txt``, ``reliable_2.txt``, ... and, for the last round,
    ``unreliable.txt``.
    """
    names = [f'reliable_{i}.txt' for i in range(1, num_rounds)]
    return [Path(work_dir) / name for name in (*names, 'unreliable.txt')]


def write_list(file: Path, rows: Iterable[Sequence[str]]) -> None:
    """Write a list that :func:`mmsemi.datasets.read_list` reads.

    Args:
        file (Path): The list.
        rows (Iterable[Sequence[str]]): Image, and mask where there is one.
    """
    write_whole(file, ''.join(list_line(*row) for row in rows).encode())

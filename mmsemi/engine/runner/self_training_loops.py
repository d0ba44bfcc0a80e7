"""Loops over the unlabeled images of self-training: rank them, label them."""

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
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from mmsemi.datasets import FaultyFile, list_line, read_list
from mmsemi.datasets.semi_dataset import image_paths
from mmsemi.models.utils import snapshot_reliability, tta_probabilities
from mmsemi.registry import DATASETS, LOOPS
from mmsemi.utils.checkpoint import read_checkpoint, unwrap
from mmsemi.utils.files import write_whole
from mmsemi.utils.progress import progress_bar
from mmsemi.utils.terminal import near
from mmsemi.visualization import save_mask

from ..unwrap import student
from .label_scores import score_labels


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

    Images that an earlier, interrupted pass has finished are skipped, on any
    number of processes.  Images are predicted one by one, in full size.  Those
    that cannot be used are left out, up to ``max_corrupt`` of the data set on
    each process.

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
        dataset = DATASETS.build(dataloader['dataset'])
        self.dataset = dataset
        self.images = dataset.unlabeled
        self.left = dataset.max_corrupt  # images that may still be left out
        self.paths = {
            osp.relpath(path, self.images.data_root): path
            for path in image_paths(self.images)
        }
        self.names = list(self.paths)
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
        """Visit this process's images, wait for the others, and finish."""
        network = student(self.runner).eval()
        with (
            torch.no_grad(),
            autocast(enabled=self.fp16),
            progress_bar(
                self.dataloader, self.title, disable=self.rank != 0
            ) as batches,
        ):
            for batch, i in zip(batches, self.share, strict=True):
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
        """Tell whether an image was visited before."""

    @abstractmethod
    def visit(self, name: str, network: nn.Module, image: Tensor) -> None:
        """Process one image.

        Args:
            name (str): Relative to the data root.
            network (nn.Module): In eval mode.
            image (Tensor): (1, 3, H, W) float, normalised.
        """

    @abstractmethod
    def finish(self) -> None:
        """Write the results, once all processes are done."""


@LOOPS.register_module()
class ReliabilityLoop(UnlabeledLoop):
    """Rank the unlabeled images by how much snapshots of a network agree.

    Writes ``reliability.csv`` (every image with its score, the most reliable
    first; see :func:`mmsemi.models.utils.snapshot_reliability`) and a list of
    images per round (:func:`round_lists`) into the work dir.

    Args:
        snapshots (Sequence[str]): Checkpoints, oldest first.  The runner's
            network has the weights of the last one.
        shares (Sequence[float]): Share of the images, the most reliable ones,
            that each round uses, ascending to 1.
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
        for snapshot, file in zip(self.earlier, snapshots[:-1], strict=True):
            snapshot.load_state_dict(unwrap(read_checkpoint(file)))

    def run(self) -> None:
        """Score this process's images, then rank all of them."""
        file = self.work_dir / f'scores_{self.rank}.partial'
        with open(file, 'a', encoding='utf-8') as self.file:
            self.file.write('\n')  # ends a line that a kill cut off
            super().run()

    def is_done(self, name: str) -> bool:
        """Tell whether an image has a score."""
        return name in self.scores

    def visit(self, name: str, network: nn.Module, image: Tensor) -> None:
        """Score an image by the agreement of all snapshots."""
        labels = torch.stack(
            [model.logits(image).argmax(1) for model in (*self.earlier, network)]
        )
        score = snapshot_reliability(labels, network.num_classes).item()
        self.file.write(json.dumps([name, score]) + '\n')
        self.file.flush()

    def finish(self) -> None:
        """Write the ranking and the rounds' lists."""
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
            self.shares, round_lists(self.work_dir, len(self.shares)), strict=True
        ):
            end = int(len(ranked) * share)
            write_list(file, ([name] for name in ranked[start:end]))
            start = end
        for file in self.work_dir.glob('scores_*.partial'):
            file.unlink()
        ranking = near(self.work_dir / 'reliability.csv')
        self.runner.logger.info(f'{len(ranked)} images are ranked in {ranking}.')

    @staticmethod
    def _read_scores(work_dir: Path) -> dict[str, float]:
        """Read the scores of all processes and of interrupted passes."""
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
    """Label unlabeled images with the runner's network.

    Writes ``masks/IMAGE.png`` (class indices with the palette) for every
    image, and ``pseudo_labels.txt``, a list of ``IMAGE MASK`` lines, into the
    work dir; where the list names masks for these images, also
    ``accuracy.json``, how many of the labels are right
    (:func:`.label_scores.score_labels`), which nothing depends on.

    Args:
        scales (Sequence[float]): Scales of the test-time augmentation, see
            :func:`mmsemi.models.utils.tta_probabilities`.
        previous_list (str, optional): List of earlier rounds' pseudo-labels,
            copied to the start of the new list.
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
        """Return the mask file of an image.

        It is inside the work dir, wherever the image is, and contains the
        image's whole name, so that no two images share a mask.
        """
        parts = ['up' if part == '..' else part for part in Path(name).parts]
        return self.work_dir.joinpath('masks', *parts[:-1], f'{parts[-1]}.png')

    def is_done(self, name: str) -> bool:
        """Tell whether an image has a mask."""
        return self.mask_file(name).is_file()

    def visit(self, name: str, network: nn.Module, image: Tensor) -> None:
        """Write the pseudo-label of an image."""
        prob = tta_probabilities(network.logits, image, self.scales)
        save_mask(
            prob.argmax(1)[0].byte().cpu().numpy(),
            self.images.metainfo['palette'],
            self.mask_file(name),
        )

    def finish(self) -> None:
        """Write the list of all pseudo-labels."""
        rows = [
            [name, str(self.mask_file(name))]
            for name in self.names
            if self.is_done(name)
        ]
        if self.previous_list is not None:
            rows = [*read_list(self.previous_list), *rows]
        write_list(self.work_dir / 'pseudo_labels.txt', rows)
        masks = near(self.work_dir / 'masks')
        self.runner.logger.info(f'{len(rows)} images have pseudo-labels, in {masks}.')
        self._tell_accuracy(
            {self.paths[n]: Path(mask) for n, mask in rows if n in self.paths}
        )

    def _tell_accuracy(self, labels: dict[str, Path]) -> None:
        scores = score_labels(self.dataset, labels)
        if scores is None:
            return
        write_whole(
            self.work_dir / 'accuracy.json', json.dumps(scores, indent=1).encode()
        )
        self.runner.logger.info(
            f'{100 * scores["accuracy"]:.1f} % of the pseudo-labels are right, of '
            f'{scores["images"]} images whose masks are known and not learned.'
        )
        logged = {'pseudo/accuracy': scores['accuracy']}
        for name, value in scores['classes'].items():
            if value is not None:
                logged[f'pseudo/accuracy/{name}'] = value
        self.runner.visualizer.add_scalars(logged)


def round_lists(work_dir: Path, num_rounds: int) -> list[Path]:
    """Return the lists of the images that each round adds.

    They are ``reliable_1.txt``, ``reliable_2.txt``, ... and, for the last
    round, ``unreliable.txt``.

    Args:
        work_dir (Path): Folder of the ranking.
        num_rounds (int): Number of rounds.
    """
    names = [f'reliable_{i}.txt' for i in range(1, num_rounds)]
    return [Path(work_dir) / name for name in (*names, 'unreliable.txt')]


def write_list(file: Path, rows: Iterable[Sequence[str]]) -> None:
    """Write a list that :func:`mmsemi.datasets.read_list` reads.

    Args:
        file (Path): The list to write.
        rows (Iterable[Sequence[str]]): An image and, if any, its mask.
    """
    write_whole(file, ''.join(list_line(*row) for row in rows).encode())

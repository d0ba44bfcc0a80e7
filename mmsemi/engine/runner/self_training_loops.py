"""Loops over the unlabeled images of self-training: rank them, label them."""

import csv
import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from mmengine.runner import Runner
from torch import Tensor, nn

from mmsemi.datasets.lists import iter_list, path_inside, write_list
from mmsemi.models.utils import snapshot_reliability, tta_probabilities
from mmsemi.registry import LOOPS
from mmsemi.utils.checkpoint import read_checkpoint, unwrap
from mmsemi.utils.files import replacing, write_whole
from mmsemi.utils.passes import fingerprint
from mmsemi.utils.terminal import near
from mmsemi.visualization import save_mask

from ..unwrap import student
from .label_scores import MOST, score_labels
from .unlabeled_loop import UnlabeledLoop


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
        super().__init__(runner, *args, **kwargs)
        network = student(runner)
        self.earlier = [deepcopy(network).eval() for _ in snapshots[:-1]]
        for snapshot, file in zip(self.earlier, snapshots[:-1], strict=True):
            snapshot.load_state_dict(unwrap(read_checkpoint(file)))

    def extra_settings(self) -> Sequence[object]:
        """Return what distinguishes the earlier snapshots."""
        return [fingerprint(model.state_dict(), ()) for model in self.earlier]

    def visit(self, name: str, network: nn.Module, image: Tensor) -> float:
        """Score an image by the agreement of all snapshots."""
        labels = torch.stack(
            [model.logits(image).argmax(1) for model in (*self.earlier, network)]
        )
        return snapshot_reliability(labels, network.num_classes).item()

    def finish(self) -> None:
        """Write the ranking and the rounds' lists."""
        items, scores = self.work.results()
        order = np.argsort(-scores, kind='stable')
        ranked = items[order]
        ranking = self.work_dir / 'reliability.csv'
        with replacing(ranking) as part, part.open('w', encoding='utf-8') as file:
            writer = csv.writer(file, lineterminator='\n')
            writer.writerow(['image', 'reliability'])
            writer.writerows(
                [self.name(i), score]
                for i, score in zip(ranked, scores[order].tolist(), strict=True)
            )
        start = 0
        for share, file in zip(
            self.shares, round_lists(self.work_dir, len(self.shares)), strict=True
        ):
            end = int(len(ranked) * share)
            write_list(file, ([self.name(i)] for i in ranked[start:end]))
            start = end
        self.runner.logger.info(f'{len(ranked)} images are ranked in {near(ranking)}.')


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
        return self.work_dir / 'masks' / f'{path_inside(name)}.png'

    def extra_settings(self) -> Sequence[object]:
        """Return the scales."""
        return self.scales

    def visit(self, name: str, network: nn.Module, image: Tensor) -> float:
        """Write the pseudo-label of an image."""
        prob = tta_probabilities(network.logits, image, self.scales)
        save_mask(
            prob.argmax(1)[0].byte().cpu().numpy(),
            self.images.metainfo['palette'],
            self.mask_file(name),
        )
        return 0

    def finish(self) -> None:
        """Write the list of all pseudo-labels."""
        file = self.work_dir / 'pseudo_labels.txt'
        count = write_list(file, self._rows())
        masks = near(self.work_dir / 'masks')
        self.runner.logger.info(f'{count} images have pseudo-labels, in {masks}.')
        every = max(1, -(-count // MOST))
        some = islice(iter_list(file), None, None, every) if count else ()
        self._tell_accuracy({self.images._path(n): Path(mask) for n, mask in some})

    def _rows(self) -> Iterator[Sequence[str]]:
        if self.previous_list is not None:
            yield from iter_list(self.previous_list)
        for i in self.work.results()[0]:
            name = self.name(i)
            yield name, str(self.mask_file(name))

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

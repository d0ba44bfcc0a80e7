"""Show pseudo-labels while they teach, and how good they are."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmsemi.datasets import SemiSegDataset, Sights, load_sights
from mmsemi.models import SemiSegmentor
from mmsemi.registry import HOOKS
from mmsemi.visualization import draw_pseudo_label, viewable

from ..unwrap import student, whole_weights


class Seen(NamedTuple):
    """What the method makes of some images; (N, S, S) each, on the CPU.

    Attributes:
        label (Tensor): Pseudo-labels, int64.
        conf (Tensor): Their confidence, in [0, 1].
        kept (Tensor): What the method learns, bool.
        prediction (Tensor, optional): Of the network that learns, where another
            one teaches it, int64.
    """

    label: Tensor
    conf: Tensor
    kept: Tensor
    prediction: Tensor | None


@HOOKS.register_module()
class PseudoLabelHook(Hook):
    """Show pseudo-labels while they teach, and how good they are.

    A few times in a training, the same unlabeled images are looked at: crops from
    their middle, as large as the training's.  Of some, a picture shows image,
    truth (where the list names a mask), the network's prediction (where a teacher
    labels), pseudo-label, confidence, the pixels that are kept, and which of their
    labels are right.  All backends of the visualizer get it: ``LocalVisBackend``
    writes ``vis_data/vis_image/pseudo_IMAGE_STEP.png``, TensorBoard shows a slider.

    Of all of them, these are logged, in [0, 1], to the backends and not to the
    log, as they are many:

    - ``pseudo/coverage``: share of the valid pixels that are kept;
    - ``pseudo/accuracy``: share of the kept pixels whose label is true;
    - ``pseudo/coverage/CLASS``: share of the pixels that truly are of the class
      that are kept, whatever their label;
    - ``pseudo/accuracy/CLASS``: share of the pixels labeled as the class and
      kept that truly are of it.

    All but the first need masks of unlabeled images.  These are never trained
    on: nothing in a training changes with this hook, to the last bit.  Nothing
    happens with methods that see no unlabeled image, or without backends;
    ``default_hooks.pseudo_labels=None`` leaves it out.

    Args:
        interval (int, optional): Steps between two looks.  Defaults to None: a
            tenth of the training.
        num_images (int): Images with a picture; 0 for none.  Defaults to 4.
        num_scored (int): Images whose pseudo-labels are counted, those with a
            picture among them.  Defaults to 16.
        max_size (int): Longest side of a panel, in pixels; larger crops are
            reduced.  Defaults to 384.

    Raises:
        ValueError: A number is out of range.
    """

    def __init__(
        self,
        interval: int | None = None,
        num_images: int = 4,
        num_scored: int = 16,
        max_size: int = 384,
    ) -> None:
        least = dict(interval=1, num_images=0, num_scored=1, max_size=32)
        given = dict(
            interval=1 if interval is None else interval,
            num_images=num_images,
            num_scored=num_scored,
            max_size=max_size,
        )
        for name, value in given.items():
            if value < least[name]:
                raise ValueError(
                    f'PseudoLabelHook: {name}={value} is below {least[name]}. To '
                    'leave the hook out, set default_hooks.pseudo_labels=None.'
                )
        self.interval = interval
        self.num_images = num_images
        self.num_scored = num_scored
        self.max_size = max_size
        self._sights: Sights | None = None
        self._loaded = False

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Look at the images, if it is time."""
        every = self.interval or max(1, runner.max_iters // 10)
        if self.every_n_train_iters(runner, every) and self._can_look(runner):
            unlabeled = (data_batch or {}).get('unlabeled')
            if unlabeled is not None:
                model = student(runner)
                with whole_weights(model, model.labeler):
                    if is_main_process():
                        self._look(runner, unlabeled['weak'])

    def _can_look(self, runner: Runner) -> bool:
        return (
            bool((runner.cfg.get('visualizer') or {}).get('vis_backends'))
            and isinstance(student(runner), SemiSegmentor)
            and isinstance(runner.train_dataloader.dataset, SemiSegDataset)
        )

    def _look(self, runner: Runner, batch: Tensor) -> None:
        """Predict, count and draw; ``batch`` has the shape of a training's."""
        dataset = runner.train_dataloader.dataset
        if not self._loaded:
            self._loaded = True
            count = max(self.num_images, self.num_scored)
            self._sights = load_sights(dataset, count, batch.shape[-2:])
        sights = self._sights
        if sights is None:
            return
        parts = list(self._predict(student(runner), sights, len(batch)))
        seen = Seen(
            *(
                None if each[0] is None else torch.cat(each)
                for each in zip(*parts, strict=True)
            )
        )
        step = runner.iter + 1
        classes, palette = (dataset.metainfo[key] for key in ('classes', 'palette'))
        scores = count_pseudo_labels(seen, sights, classes)
        runner.visualizer.add_scalars(dict(scores, iter=step), step)
        drawn = min(self.num_images, len(sights.names))
        for i in (int((k + 0.5) * len(sights.names) / drawn) for k in range(drawn)):
            picture = self._draw(sights, seen, i, classes, palette)
            runner.visualizer.add_image(f'pseudo_{sights.names[i]}', picture, step)

    @staticmethod
    def _predict(model: SemiSegmentor, sights: Sights, batch: int) -> Iterator[Seen]:
        """Predict as many images at a time as a step of the training has."""
        for start in range(0, len(sights.names), batch):
            part = slice(start, start + batch)
            stream = dict(weak=sights.weak[part], valid=sights.valid[part])
            inputs = model.data_preprocessor(dict(unlabeled=stream), True)['inputs']
            label, kept = model.kept_labels(inputs['unlabeled'])
            prediction = None
            if model.labeler is not model:
                prediction = model.pseudo_label(inputs['unlabeled']).label.cpu()
            yield Seen(label.label.cpu(), label.conf.cpu(), kept.cpu(), prediction)

    def _draw(
        self,
        sights: Sights,
        seen: Seen,
        i: int,
        classes: Sequence[str],
        palette: Sequence[Sequence[int]],
    ) -> np.ndarray:
        """Draw an image without its padding."""
        rows, columns = (int(sights.valid[i].any(d).sum()) for d in (1, 0))
        factor = min(1.0, self.max_size / max(rows, columns))
        size = max(1, round(columns * factor)), max(1, round(rows * factor))

        def fit(pixels: Tensor, how: int = cv2.INTER_NEAREST) -> np.ndarray:
            array = pixels[:rows, :columns].float().numpy()
            return cv2.resize(array, size, interpolation=how)

        image = fit(sights.weak[i].permute(1, 2, 0), cv2.INTER_AREA)
        image = np.atleast_3d(image).round().astype(np.uint8)
        masks: dict[str, Any] = {}
        if sights.has_truth:
            masks['truth'] = fit(sights.truth[i]).astype(np.uint8)
        if seen.prediction is not None:
            masks['prediction'] = fit(seen.prediction[i]).astype(np.uint8)
        return draw_pseudo_label(
            np.ascontiguousarray(viewable(image)[..., ::-1]),
            fit(seen.label[i]).astype(np.uint8),
            fit(seen.conf[i], cv2.INTER_AREA),
            fit(seen.kept[i]) > 0,
            classes,
            palette,
            **masks,
        )


def count_pseudo_labels(
    seen: Seen, sights: Sights, classes: Sequence[str]
) -> dict[str, float]:
    """Count how many pixels are kept, and how many of their labels are true.

    Args:
        seen (Seen): Pseudo-labels of N images.
        sights (Sights): The images and what they show.
        classes (Sequence[str]): Name of every class.

    Returns:
        dict[str, float]: As in :class:`PseudoLabelHook`; without those that
        would divide by 0.
    """
    valid = sights.valid
    kept = seen.kept & valid
    counts = {'coverage': (int(kept.sum()), int(valid.sum()))}
    known = valid & (sights.truth < len(classes))
    if known.any():
        both = kept & known
        true = both & (seen.label == sights.truth)
        counts['accuracy'] = int(true.sum()), int(both.sum())
        for i, name in enumerate(classes):
            there = known & (sights.truth == i)
            named = both & (seen.label == i)
            counts[f'coverage/{name}'] = int((kept & there).sum()), int(there.sum())
            counts[f'accuracy/{name}'] = int((true & named).sum()), int(named.sum())
    return {f'pseudo/{key}': n / whole for key, (n, whole) in counts.items() if whole}

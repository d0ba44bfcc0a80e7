"""Turn a step of a training into one grid for each sample."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmsemi.models import SemiDataPreprocessor
from mmsemi.structures import Streams
from mmsemi.visualization import Panel, note, viewable

from .entering import Entering, View

IGNORED = 255
COLUMNS = 4  # of samples with an unlabeled image


class Grid:
    """The panels of the samples of a step.

    Args:
        inputs (Streams): From the data preprocessor.
        entering (Entering): What the method fed to its networks.
        preprocessor (SemiDataPreprocessor): Undoes the normalisation.
    """

    def __init__(
        self, inputs: Streams, entering: Entering, preprocessor: SemiDataPreprocessor
    ) -> None:
        self.inputs: Any = inputs
        self.entering = entering
        self.preprocessor = preprocessor

    def picture(self, image: Tensor) -> np.ndarray:
        """Turn a normalised image (C, S, S) into RGB (S, S, 3) uint8."""
        pixels = self.preprocessor.restore(image[None])[0].clamp(0, 255)
        pixels = pixels.permute(1, 2, 0).to(torch.uint8).cpu().numpy()
        return np.ascontiguousarray(viewable(pixels)[..., ::-1])

    def panels(
        self, labeled: list[int], unlabeled: list[int], labels: list[str]
    ) -> list[Panel]:
        """Return the panels of a sample, row by row.

        Args:
            labeled (list[int]): Its labeled images in the batch.
            unlabeled (list[int]): Its unlabeled images.
            labels (list[str]): For each labeled image what its mask is called.
        """
        found: list[Panel] = []
        for k in range(max(len(labeled), len(unlabeled))):
            if k < len(labeled):
                found += self._labeled(labeled[k], labels[k])
            elif unlabeled:
                found += [Panel('', None)] * 2
            if k < len(unlabeled):
                found += self._unlabeled(unlabeled[k])
                found += self._views(unlabeled[k])
            elif unlabeled:
                found += [Panel('', None)] * 2
        return found

    def _title(self, name: str, stream: str, view: View) -> str:
        """Append the networks that get a view as it is."""
        networks = self.entering.whole.get((stream, view))
        return f'{name} → {", ".join(sorted(networks))}' if networks else name

    def _labeled(self, i: int, label: str) -> list[Panel]:
        stream = self.inputs['labeled']
        image = self.picture(stream['weak'][i])
        mask = stream['mask'][i].cpu().numpy().astype(np.uint8)
        kind = 'pseudo-labeled' if 'pseudo' in label else 'labeled'
        known = mask != IGNORED
        share = f'{_percent(known)} labeled'
        if kind == 'pseudo-labeled' and not known.any():
            share = 'not predicted yet'
        return [
            Panel(self._title(f'{kind} image', 'labeled', View('weak')), image),
            Panel(f'{label}, {share}', image, mask),
        ]

    def _unlabeled(self, i: int) -> list[Panel]:
        stream = self.inputs['unlabeled']
        image = self.picture(stream['weak'][i])
        valid = stream['valid'][i].cpu().numpy()
        notes = note(valid.shape, dict(padding=~valid))
        return [
            Panel(self._title('weak view', 'unlabeled', View('weak')), image),
            Panel(f'valid pixels, {_percent(valid)}', image, notes=notes),
        ]

    def _views(self, i: int) -> list[Panel]:
        """Return a row for each view that is mixed, then the others."""
        stream = self.inputs['unlabeled']
        views = [View('strong', k) for k in range(len(stream.get('strong', ())))]
        views += [view for view in self.entering.mixed if view not in views]
        rows: list[Panel] = []
        whole: list[Panel] = []
        for view in views:
            name = f'{view.kind} view' + f' {view.number + 1}' * (len(views) > 1)
            own = _images(stream, view)[i]
            mixed = self.entering.mixed.get(view)
            if mixed is not None and not torch.equal(mixed[i], own):
                rows += self._mixed(i, view, name, own, mixed[i])
            elif mixed is not None:
                whole.append(Panel(f'{name}, no mix box → network', self.picture(own)))
            else:
                title = self._title(name, 'unlabeled', view)
                title += ', not used' * (title == name)
                whole.append(Panel(title, self.picture(own)))
        return [*rows, *whole, *[Panel('', None)] * (-len(whole) % COLUMNS)]

    def _mixed(
        self, i: int, view: View, name: str, own: Tensor, image: Tensor
    ) -> list[Panel]:
        """Return the row of a mixed view."""
        partner, pastes = None, self._pastes(i, view)
        boxes = [paste[2:] for paste in pastes]
        second = Panel('no mix box', None)
        if pastes:
            other = self.inputs.get('partner') or self.inputs['unlabeled']
            partner = _images(other, view)[pastes[0].partner]
            count = f'{len(boxes)} boxes' if len(boxes) > 1 else 'mix box'
            second = Panel(f'partner and {count}', self.picture(partner), boxes=boxes)
        same = {
            'own view': _equal(image, own),
            'from the partner': _equal(image, partner),
            'from a labeled image': self._in_labeled(image),
        }
        rest = ~np.logical_or.reduce(list(same.values()))
        notes = note(rest.shape, {**same, 'from elsewhere': rest})
        picture = self.picture(image)
        share = _percent(~same['own view'])
        return [
            Panel(name, self.picture(own), boxes=boxes),
            second,
            Panel(f'mixed {name} → network', picture),
            Panel(f'from where: {share} mixed in', picture, notes=notes),
        ]

    def _pastes(self, i: int, view: View) -> list:
        """Return the boxes of an image: of one strong view, or all that toggle."""
        boxes = self.inputs['unlabeled'].get('boxes', [])
        if view.kind == 'strong':
            boxes = boxes[view.number : view.number + 1]
        return [paste for each in boxes for paste in each if paste.image == i]

    def _in_labeled(self, image: Tensor) -> np.ndarray:
        """Find the pixels that equal those of any labeled image."""
        labeled = self.inputs.get('labeled')
        if labeled is None:
            return _equal(image, None)
        return np.logical_or.reduce([_equal(image, x) for x in labeled['weak']])


def _images(stream: Any, view: View) -> Tensor:
    return stream['weak'] if view.kind == 'weak' else stream['strong'][view.number]


def _equal(image: Tensor, other: Tensor | None) -> np.ndarray:
    """Find the pixels that two images (C, S, S) have in common, bool (S, S)."""
    if other is None:
        return np.zeros(image.shape[1:], bool)
    return (image == other).all(0).cpu().numpy()


def _percent(where: np.ndarray) -> str:
    share = 100 * where.mean()
    if 0 < share < 1:
        return '< 1 %'
    return '> 99 %' if 99 < share < 100 else f'{share:.0f} %'

"""What a batch of semi-supervised training holds: keys, shapes and dtypes.

B is the number of images of a stream, C their channels (3, in BGR order
until :class:`mmsemi.models.SemiDataPreprocessor`), S the side of the crop.
A batch passes through three forms with the same keys:

- A *sample* of :class:`mmsemi.datasets.SemiSegDataset` has lists of single
  images, without the dimension B.
- A *batch* of :func:`mmsemi.datasets.stack_streams` has stacked images,
  uint8.
- The *inputs* of a method's ``loss()``, made by ``SemiDataPreprocessor``, lie
  on the device: images are normalised float32 in the channel order of the
  network, masks int64.
"""

from typing import TypedDict

from torch import Tensor

from .paste import Paste

STREAMS = ('labeled', 'unlabeled', 'partner')

# Colour adjustments by the numbers that stand for them in ``Draws.adjust``.
ADJUSTMENTS = ('brightness', 'contrast', 'saturation', 'hue')


class Draws(TypedDict):
    """Random parameters of one strong view that the device makes.

    Attributes:
        adjust (Tensor): Indices into ``ADJUSTMENTS``, in the order to apply
            them, int64 (B, 4).
        factor (Tensor): Factor of each adjustment; for hue the turn in parts
            of a circle, float32 (B, 4).
        gray (Tensor): Whether the view is gray, bool (B,).
        kernel (Tensor): Weights of the box blur, K odd, float32 (B, K).
    """

    adjust: Tensor
    factor: Tensor
    gray: Tensor
    kernel: Tensor


class LabeledStream(TypedDict):
    """Labeled images.

    Attributes:
        weak (Tensor): Weak view, (B, C, S, S).
        mask (Tensor): Class of every pixel, 255 = ignore, (B, S, S).
    """

    weak: Tensor
    mask: Tensor


class PartnerStream(TypedDict, total=False):
    """Images that CutMix pastes into the unlabeled ones.

    Attributes:
        weak (Tensor): Weak view, (B, C, S, S).
        strong (list[Tensor]): Strong views of the same crop, (B, C, S, S)
            each.
        valid (Tensor): False on padding, bool (B, S, S).
        draws (list[Draws]): In place of ``strong`` if the device makes the
            views; the preprocessor replaces it.
    """

    weak: Tensor
    strong: list[Tensor]
    valid: Tensor
    draws: list[Draws]


class UnlabeledStream(PartnerStream, total=False):
    """Unlabeled images.

    Attributes:
        boxes (list[list[Paste]]): For each strong view, what its images take
            from their partners; in a sample one :class:`Box` for each view.
    """

    boxes: list[list[Paste]]


class Streams(TypedDict, total=False):
    """Inputs of a method's ``loss()``.

    Attributes:
        labeled (LabeledStream): Absent with ``ratio=(0, n)``.
        unlabeled (UnlabeledStream): Absent in supervised training.
        partner (PartnerStream): Only images that some box takes pixels from.
            Absent if the boxes take from the unlabeled batch itself
            (``partner='in_batch'``: image i takes from image B - 1 - i), and
            if no box takes anything (then all of ``boxes`` are empty).  In
            both cases every ``Paste.partner`` is an index into ``unlabeled``.
    """

    labeled: LabeledStream
    unlabeled: UnlabeledStream
    partner: PartnerStream


class Batch(Streams, total=False):
    """What the loader yields: the streams, and a report beside them.

    Attributes:
        corrupt (dict[str, str]): Files that were left out, with what is
            wrong with each; absent if there are none.
    """

    corrupt: dict[str, str]


class Sample(TypedDict):
    """What the data set yields: lists of packed images.

    Attributes:
        labeled (list[dict]): As :class:`LabeledStream`, without B.
        unlabeled (list[dict]): As :class:`UnlabeledStream`, without B.
        partner (list[dict | None]): One for each unlabeled image, None if
            no box takes anything; empty with ``partner='in_batch'``.
        corrupt (dict[str, str]): As in :class:`Batch`.
    """

    labeled: list[dict]
    unlabeled: list[dict]
    partner: list[dict | None]
    corrupt: dict[str, str]

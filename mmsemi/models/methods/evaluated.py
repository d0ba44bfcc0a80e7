"""Predict images of any size, whole or in windows."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from mmseg.models.segmentors import EncoderDecoder
from mmseg.models.utils import resize
from torch import Tensor

from mmsemi.utils.settings import nearest

from ..utils import at_multiple, mean_logit_windows, probability_windows

MODES = dict(
    whole='whole images',
    slide='windows shifted back at the border, logits averaged (mmseg)',
    windows='windows {} at the border, probabilities summed (as the released trainers)',
)
TEST_OPTIONS = ('mode', 'crop_size', 'stride', 'windows_at_once', 'border', 'multiple')
BORDERS = dict(truncate='truncated', shift='shifted back')


def _check_test_cfg(test_cfg: dict) -> None:
    """Check that an evaluation is known, and told what it needs.

    Raises:
        ValueError: It is not.
    """
    mode = test_cfg.get('mode', 'whole')
    if mode not in MODES:
        raise ValueError(
            f'model.test_cfg.mode={mode!r} is none of {", ".join(map(repr, MODES))}.'
        )
    for name in test_cfg:
        if name not in TEST_OPTIONS and name != '_scope_':
            raise ValueError(
                f'model.test_cfg.{name}={test_cfg[name]!r}: nothing reads {name}'
                f'{nearest(name, TEST_OPTIONS) or "."} An evaluation takes '
                f'{", ".join(TEST_OPTIONS)}.'
            )
    for name, reader in dict(multiple='whole', border='windows').items():
        if name in test_cfg and mode != reader:
            raise ValueError(
                f'model.test_cfg.{name}={test_cfg[name]!r} is read with '
                f'mode={reader!r}, not with mode={mode!r}: replace the whole '
                'test_cfg with `_delete_=True`.'
            )
    multiple = test_cfg.get('multiple')
    if multiple is not None and (type(multiple) is not int or multiple < 1):
        raise ValueError(
            f'model.test_cfg.multiple={multiple!r} is no positive whole number.'
        )
    if test_cfg.get('border', 'truncate') not in BORDERS:
        raise ValueError(
            f'model.test_cfg.border={test_cfg["border"]!r} is none of '
            f'{", ".join(map(repr, BORDERS))}.'
        )


class EvaluatedSegmentor(EncoderDecoder):
    """An mmseg segmentor with the evaluations of the released trainers.

    ``test_cfg.mode`` is ``'whole'`` or ``'slide'`` as in mmseg, or
    ``'windows'``, the released trainers' Cityscapes evaluation (see
    :func:`mmsemi.models.utils.probability_windows`, ``test_cfg.border``).  In
    the last two, ``test_cfg.windows_at_once`` windows share a batch, 4 by
    default.  ``test_cfg.multiple`` resizes whole images to multiples of a
    number of pixels (:func:`mmsemi.models.utils.at_multiple`), for networks
    that take no other.

    Args:
        *args: As in :class:`mmseg.models.EncoderDecoder`.
        **kwargs: Likewise.

    Raises:
        ValueError: ``test_cfg`` has an unknown mode or key.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _check_test_cfg(kwargs.get('test_cfg') or {})
        super().__init__(*args, **kwargs)

    def logits(self, images: Tensor, perturb: Callable | None = None) -> Tensor:
        """Compute logits (B, C, H, W) of images (B, 3, H, W).

        Args:
            images (Tensor): (B, 3, H, W).
            perturb (Callable, optional): Changes the features before the
                decoder: from levels (B, c, h, w) to levels of the same shapes.
        """
        feats = self.extract_feat(images)
        if perturb is not None:
            feats = perturb(feats)
        return self._to_size_of(images, self.decode_head(feats))

    def _to_size_of(self, images: Tensor, logits: Tensor) -> Tensor:
        return resize(
            logits,
            size=images.shape[2:],
            mode='bilinear',
            align_corners=self.align_corners,
            warning=False,
        )

    @property
    def evaluation(self) -> str:
        """Description of the evaluation mode for the log."""
        cfg = self.test_cfg or {}
        mode = cfg.get('mode', 'whole')
        if cfg.get('multiple'):
            return f'whole images resized to multiples of {cfg["multiple"]} pixels'
        if mode == 'windows':
            return MODES[mode].format(BORDERS[cfg.get('border', 'truncate')])
        return MODES[mode]

    def inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Predict as in mmseg, with the additional mode ``'windows'``.

        Args:
            inputs (Tensor): (B, 3, H, W).
            batch_img_metas (list[dict]): One for each image.

        Returns:
            Tensor: (B, C, H, W): logits, or summed probabilities for
            ``'windows'``.
        """
        if (self.test_cfg or {}).get('mode') == 'windows':
            border = self.test_cfg.get('border', 'truncate')
            return self._by_windows(partial(probability_windows, border=border), inputs)
        return super().inference(inputs, batch_img_metas)

    def postprocess_result(
        self, seg_logits: Tensor, data_samples: list | None = None
    ) -> list:
        """Predict classes as in mmseg; the softmax of ``seg_logits`` is always p.

        In the mode ``'windows'`` mmseg receives summed probabilities.  The
        classes are their argmax; their logarithms are stored, of which
        whatever takes a softmax afterwards (test-time augmentation, for
        example) gets the mean probabilities.

        Args:
            seg_logits (Tensor): From :meth:`inference`, (B, C, H, W).
            data_samples (list, optional): One for each image.

        Returns:
            list: Data samples with ``pred_sem_seg`` (1, H, W) and
            ``seg_logits`` (C, H, W).
        """
        samples = super().postprocess_result(seg_logits, data_samples)
        if (self.test_cfg or {}).get('mode') == 'windows':
            for sample in samples:
                sums = sample.seg_logits.data
                prob = sums / sums.sum(0)
                tiny = torch.finfo(prob.dtype).tiny
                sample.seg_logits.data = prob.clamp(min=tiny).log()
        return samples

    def whole_inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Predict whole images, resized to a multiple if ``test_cfg`` has one."""
        multiple = (self.test_cfg or {}).get('multiple')
        if multiple:
            return at_multiple(self.logits, inputs, multiple)
        return super().whole_inference(inputs, batch_img_metas)

    def slide_inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Predict as in mmseg, several windows at once."""
        return self._by_windows(mean_logit_windows, inputs)

    def _by_windows(self, predict: Callable, inputs: Tensor) -> Tensor:
        cfg = self.test_cfg
        if 'crop_size' not in cfg:
            raise ValueError(
                f'model.test_cfg.mode={cfg["mode"]!r} predicts in windows, but gives '
                'no crop_size for them. It follows crop_size of the config once '
                '`mmsemi.utils.config.resolve_settings(cfg)` was called, as the tools '
                'and mmsemi.apis do; or set model.test_cfg.crop_size.'
            )
        return predict(
            self.logits,
            inputs,
            cfg['crop_size'],
            cfg.get('stride'),
            cfg.get('windows_at_once', 4),
        )

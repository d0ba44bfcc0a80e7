"""mmseg's inferencer for the networks of this package."""

import os.path as osp
from collections.abc import Iterator
from operator import length_hint
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmseg.apis import MMSegInferencer
from mmseg.structures import SegDataSample
from torch import nn

from mmsemi.registry import INFERENCERS
from mmsemi.utils.progress import progress_bar
from mmsemi.visualization import viewable

from .inference import ImagePipeline, iter_predictions
from .network import as_config, init_model
from .sources import Images, NamedImages, is_single, open_images


@INFERENCERS.register_module()
class SemiInferencer(MMSegInferencer):
    """Segment files, folders, arrays and videos, and draw the results.

    Used like :class:`mmseg.apis.MMSegInferencer`, except that

    - ``model`` and ``weights`` are both needed, and loaded with
      :func:`init_model`;
    - arrays are BGR;
    - images are segmented one by one: :meth:`iterate` needs the same memory
      for a video of any length, and calling the inferencer collects what it
      yields;
    - all outputs are numbered in order.

    Args:
        model (str, Path or Config): Config of the training.
        weights (str or Path): Checkpoint file.
        device (str, optional): See :func:`init_model`.
        tta (bool): See :func:`init_model`.
        amp (bool): Compute in mixed precision.
        show_progress (bool): Show a progress bar when called.
    """

    def __init__(
        self,
        model: str | Path | Config,
        weights: str | Path,
        device: str | None = None,
        tta: bool = False,
        amp: bool = False,
        show_progress: bool = True,
    ) -> None:
        self.tta, self.amp = tta, amp
        super().__init__(
            as_config(model),
            weights,
            device=device,
            scope='mmsemi',
            show_progress=show_progress,
        )

    def _init_model(self, cfg: Config, weights: str | Path, device: str) -> nn.Module:
        return init_model(cfg, weights, device, self.tta)

    def _init_pipeline(self, cfg: Config) -> ImagePipeline:
        return ImagePipeline(self.model)

    def __call__(
        self, inputs: Images, **kwargs
    ) -> dict | SegDataSample | list[SegDataSample]:
        """Segment images and return all results.

        Args:
            inputs: See :func:`mmsemi.apis.inference_model`.
            **kwargs: See :meth:`iterate`.

        Returns:
            dict: ``predictions``, class indices (H, W), and with
            ``return_vis`` ``visualization``, RGB pictures (H, W, 3); lists
            unless ``inputs`` is a single image.  With
            ``return_datasamples``, the data samples instead.
        """
        images = open_images(inputs)
        with progress_bar(
            self.iterate(images, **kwargs),
            'Inference',
            length_hint(images) or None,
            disable=not self.show_progress,
        ) as bar:
            results = list(bar)
        if is_single(inputs):
            return results[0]
        if kwargs.get('return_datasamples'):
            return results
        return {
            key: [result[key] for result in results if len(result[key])]
            for key in ('predictions', 'visualization')
        }

    def iterate(
        self,
        inputs: Images | NamedImages,
        return_datasamples: bool = False,
        probabilities: bool = False,
        out_dir: str = '',
        img_out_dir: str = 'vis',
        pred_out_dir: str = 'pred',
        **kwargs,
    ) -> Iterator[dict | SegDataSample]:
        """Segment images one by one, in the same memory for any number.

        Args:
            inputs: See :func:`mmsemi.apis.iter_predictions`.
            return_datasamples (bool): Yield data samples.
            probabilities (bool): Add probabilities and confidence to them.
            out_dir (str): Folder for pictures and class indices.  Defaults
                to '': nothing is written.
            img_out_dir (str): Folder for pictures inside ``out_dir``.
            pred_out_dir (str): Folder for class indices inside ``out_dir``.
            **kwargs: ``return_vis``, ``show``, ``wait_time``, ``opacity`` and
                ``with_labels``, see :class:`mmseg.apis.MMSegInferencer`.

        Yields:
            dict or SegDataSample: What a call with one image returns.
        """
        if out_dir:
            img_out_dir = osp.join(out_dir, img_out_dir)
            pred_out_dir = osp.join(out_dir, pred_out_dir)
        else:
            img_out_dir = pred_out_dir = ''
        predictions = iter_predictions(self.model, inputs, probabilities, self.amp)
        for _, image, result in predictions:
            picture = np.ascontiguousarray(viewable(image)[..., ::-1])
            drawn = self.visualize(
                [picture], [result], img_out_dir=img_out_dir, **kwargs
            )
            yield self.postprocess([result], drawn, return_datasamples, pred_out_dir)

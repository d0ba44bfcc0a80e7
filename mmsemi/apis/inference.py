"""Segment images with a trained network."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.model import BaseTTAModel
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn

from mmsemi.registry import TRANSFORMS

from .sources import Image, Images, NamedImages, is_single, open_images

MASK_LOADERS = ('LoadSegMask', 'LoadAnnotations')


class Prediction(NamedTuple):
    """What a network predicts for an image.

    Attributes:
        name (str): Name of the image, see :func:`open_images`.
        image (ndarray): (H, W, C) uint8, as loaded; BGR if C = 3.
        result (SegDataSample): On the CPU: ``pred_sem_seg``, the class of
            every pixel, int64 (1, H, W); with ``probabilities`` also
            ``probabilities``, float (C, H, W), which sum to 1, and
            ``confidence``, their maximum, float (1, H, W).
    """

    name: str
    image: np.ndarray
    result: SegDataSample


def inference_model(
    model: nn.Module, images: Images, probabilities: bool = False, amp: bool = False
) -> SegDataSample | list[SegDataSample]:
    """Segment one image or several.

    All results are returned at once; :func:`iter_predictions` gives those of
    a video or a large folder one by one.

    Args:
        model (nn.Module): Network from :func:`init_model`.
        images: An image file, an array (H, W, C) uint8 (BGR if C = 3; a frame
            of a video, for example), a folder, a video file, or an iterable
            of image files and arrays.
        probabilities (bool): Also return probabilities and confidence.
        amp (bool): Compute in mixed precision.

    Returns:
        SegDataSample or list[SegDataSample]: The result of a single image, or
        the results in order, see :class:`Prediction`.

    Raises:
        FileNotFoundError: The file or folder does not exist.
        ValueError: An image cannot be decoded or does not suit the network.
    """
    results = [p.result for p in iter_predictions(model, images, probabilities, amp)]
    return results[0] if is_single(images) else results


def iter_predictions(
    model: nn.Module,
    images: Images | NamedImages,
    probabilities: bool = False,
    amp: bool = False,
    on_error: Callable[[str, Exception], object] | None = None,
) -> Iterator[Prediction]:
    """Segment images one by one, loading each while the one before is computed.

    Only two images are in memory at a time, however many there are.

    Args:
        model (nn.Module): Network from :func:`init_model`.
        images: As in :func:`inference_model`, or from :func:`open_images`.
        probabilities (bool): Also yield probabilities and confidence.
        amp (bool): Compute in mixed precision.
        on_error (Callable, optional): Called with the name of an image that
            cannot be used and the error; the image is then left out.
            Defaults to None: the error is raised.

    Yields:
        Prediction: Name, image and result, in order.

    Raises:
        ValueError: ``probabilities`` with test-time augmentation, which does
            not keep them; an image cannot be used.
    """
    check_probabilities(model, probabilities)
    return _predict(model, open_images(images), probabilities, amp, on_error)


def check_probabilities(model: nn.Module, wanted: bool) -> None:
    """Check that a network keeps probabilities if they are wanted.

    Raises:
        ValueError: It does not.
    """
    if wanted and isinstance(model, BaseTTAModel):
        raise ValueError(
            'Test-time augmentation keeps no probabilities: leave out '
            '`probabilities`, or `tta` of init_model.'
        )


class ImagePipeline:
    """The test pipeline of a network's config, for files and arrays.

    Args:
        model (nn.Module): Network from :func:`init_model`.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        tta = isinstance(model, BaseTTAModel)
        pipeline = model.cfg.tta_pipeline if tta else model.cfg.test_pipeline
        load, *transforms = self.transforms = _without_masks(pipeline)
        self.load = TRANSFORMS.build(load)
        self.load_array = TRANSFORMS.build(dict(type='LoadImageFromNDArray'))
        self.pack = Compose(transforms)

    def __call__(self, image: Image) -> tuple[np.ndarray, dict]:
        """Load an image and prepare it for the network.

        Returns:
            tuple[ndarray, dict]: The image, (H, W, C) uint8, and a batch for
            ``model.test_step``.

        Raises:
            FileNotFoundError: The file does not exist.
            ValueError: The file cannot be decoded, or the array is no image.
        """
        if isinstance(image, np.ndarray):
            channels = getattr(self.load, 'channels', 3)
            if image.dtype != np.uint8 or image.shape[2:] != (channels,):
                raise ValueError(
                    f'An array of shape {image.shape} and type {image.dtype} is no '
                    f'image for this network: give (H, W, {channels}) uint8'
                    f'{", BGR" if channels == 3 else ""}.'
                )
            results = self.load_array(dict(img=image))
        else:
            results = self.load(dict(img_path=str(image)))
        loaded = results['img']
        return loaded, pseudo_collate([self.pack(results)])

    def read(self, image: Image) -> np.ndarray:
        """Load an image, (H, W, C) uint8."""
        if isinstance(image, np.ndarray):
            return image
        return self.load(dict(img_path=str(image)))['img']

    def check_keeps_scale(self) -> None:
        """Check that parts of an image are seen at the scale of the whole.

        Raises:
            ValueError: The config resizes every image to a fixed size.
        """
        for transform in self.transforms:
            if transform['type'] == 'Resize' and transform.get('scale'):
                raise ValueError(
                    f'The test pipeline resizes images to {transform["scale"]}; parts '
                    'of an image would be seen at another scale than the whole. Leave '
                    'the tiles out, or give Resize a `scale_factor`.'
                )

    def segment(
        self, image: Image, probabilities: bool = False, amp: bool = False
    ) -> SegDataSample:
        """Segment an image; see :func:`inference_model`."""
        return _segment(self.model, self(image)[1], probabilities, amp)


def _without_masks(pipeline: list) -> list:
    """Remove what loads masks, also inside test-time augmentation."""
    kept = []
    for transform in pipeline:
        if isinstance(transform, (list, tuple)):  # alternatives of an augmentation
            transform = _without_masks(transform)
        elif transform['type'] in MASK_LOADERS:
            continue
        elif 'transforms' in transform:
            inner = _without_masks(transform['transforms'])
            transform = dict(transform, transforms=inner)
        if transform:
            kept.append(transform)
    return kept


def _predict(
    model: nn.Module,
    images: NamedImages,
    probabilities: bool,
    amp: bool,
    on_error: Callable[[str, Exception], object] | None,
) -> Iterator[Prediction]:
    for name, loading in _load_ahead(ImagePipeline(model), images):
        try:
            image, batch = loading.result()
        except (OSError, ValueError, AssertionError) as error:
            if on_error is None:
                raise
            on_error(name, error)
            continue
        result = _segment(model, batch, probabilities, amp)
        yield Prediction(name, image, result.cpu())


def _segment(
    model: nn.Module, batch: dict, probabilities: bool, amp: bool
) -> SegDataSample:
    """Segment a batch of one image; the result is on the device."""
    device = next(model.parameters()).device.type
    with torch.no_grad(), torch.autocast(device, enabled=amp):
        (result,) = model.test_step(batch)
    logits = result.seg_logits.data
    del result.seg_logits  # several times as large as the rest
    if probabilities:
        prob = logits.float().softmax(0)
        result.probabilities = PixelData(data=prob)
        result.confidence = PixelData(data=prob.amax(0, keepdim=True))
    return result


def _load_ahead(load: Callable, images: NamedImages) -> Iterator[tuple[str, Future]]:
    """Load each image while the caller works on the one before."""
    with ThreadPoolExecutor(1) as pool:
        ahead = None
        for name, image in images:
            ready, ahead = ahead, (name, pool.submit(load, image))
            if ready:
                yield ready
        if ahead:
            yield ahead

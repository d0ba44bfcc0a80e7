"""Write a checkpoint and a config that mmseg runs without mmsemi."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mmseg.apis
import mmseg.registry
import numpy as np
from mmengine.config import Config
from mmengine.registry import DefaultScope, Registry

from mmsemi import __version__
from mmsemi.models.methods.evaluated import EvaluatedSegmentor
from mmsemi.registry import MODELS, TRANSFORMS
from mmsemi.utils.checkpoint import read_checkpoint, write_checkpoint

from ..sources import Image
from .graph import PARTS, channels_of

# What a user may take instead of a part that mmseg does not have.
RELATIVES = dict(
    DeepLabV3PlusHead='The relative of this head in mmseg is '
    'DepthwiseSeparableASPPHead, as in rankmatch/camvid_1-8_r50_sepaspp',
    NormFreeDPTHead='The DPTHead of mmseg is another network',
    DINOv2='The VisionTransformer of mmpretrain interpolates its position embeddings '
    'differently',
)
INSTEAD = (
    'Take --format onnx, torchscript or torch_export, whose files need neither mmsemi '
    'nor mmseg.'
)
LOADERS = dict(
    LoadSegImage=dict(type='LoadImageFromFile', color_type='color_ignore_orientation'),
    LoadSegMask=dict(type='LoadAnnotations'),
)


def plain_config(model: EvaluatedSegmentor, meta: dict[str, Any]) -> Config:
    """Write the config of a network in terms of mmseg alone.

    Args:
        model (EvaluatedSegmentor): From ``init_model``, with ``cfg``.
        meta (dict): ``classes`` and ``palette``.

    Returns:
        Config: ``model``, ``test_pipeline`` and what mmseg's inferencer reads.

    Raises:
        ValueError: mmseg lacks a part of the network or of its evaluation.
    """
    parts = {
        name: _plain(model.cfg.model[name])
        for name in PARTS
        if model.cfg.model.get(name)
    }
    for name, part in parts.items():
        _check(f'model.{name}', part, MODELS)
    channels = channels_of(model)
    if channels != 3:
        raise _refusal('test_pipeline', f'loads images of {channels} channels')
    # Training does not go on from here.
    parts['decode_head'].pop('sampler', None)
    parts['decode_head']['loss_decode'] = dict(type='CrossEntropyLoss')
    network = dict(
        type='EncoderDecoder',
        data_preprocessor=_preprocessor(model),
        **parts,
        train_cfg=None,
        test_cfg=plain_test_cfg(model),
    )
    pipeline = _pipeline(model.cfg.test_pipeline)
    dataset = dict(type='BaseSegDataset', metainfo=dict(meta), pipeline=pipeline)
    return Config(
        dict(
            default_scope='mmseg',
            model=network,
            test_pipeline=pipeline,
            test_dataloader=dict(
                batch_size=1,
                num_workers=1,
                sampler=dict(type='DefaultSampler', shuffle=False),
                dataset=dataset,
            ),
            test_cfg=dict(type='TestLoop'),
            test_evaluator=dict(type='IoUMetric', iou_metrics=['mIoU']),
            visualizer=dict(
                type='SegLocalVisualizer',
                vis_backends=[dict(type='LocalVisBackend')],
                name='visualizer',
            ),
        )
    )


def plain_test_cfg(model: EvaluatedSegmentor) -> dict:
    """Return the evaluation of mmseg that is next to a config's.

    Raises:
        ValueError: There is none.
    """
    test_cfg = dict(model.test_cfg or {})
    if test_cfg.get('multiple'):
        raise _refusal(
            'model.test_cfg.multiple',
            f'resizes images to multiples of {test_cfg["multiple"]} pixels',
        )
    if test_cfg.get('mode') in ('slide', 'windows'):
        crop = tuple(test_cfg['crop_size'])
        stride = test_cfg.get('stride') or [side * 2 // 3 for side in crop]
        return dict(mode='slide', crop_size=crop, stride=tuple(stride))
    return dict(mode='whole')


def write_plain(model: EvaluatedSegmentor, config: Config, file: Path) -> None:
    """Write the tensors of a network that predict, as a checkpoint of mmseg.

    Args:
        model (EvaluatedSegmentor): From ``predicting_parts``.
        config (Config): From :func:`plain_config`.
        file (Path): To write.
    """
    state = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if not name.startswith('decode_head.loss_decode')
    }
    meta = dict(
        mmsemi_version=__version__,
        method=type(model).__name__,
        dataset_meta=config.test_dataloader.dataset.metainfo.to_dict(),
    )
    write_checkpoint(dict(meta=meta, state_dict=state), file)


def read_plain(config: Path, checkpoint: Path) -> Callable[[Image], np.ndarray]:
    """Load both files with mmseg; return what predicts an image, (1, H, W)."""
    with DefaultScope.overwrite_default_scope('mmseg'):
        cfg = Config.fromfile(config)
        network = mmseg.registry.MODELS.build(cfg.model).eval()
        network.load_state_dict(read_checkpoint(checkpoint)['state_dict'])
        network.cfg = cfg

    def predict(image: Image) -> np.ndarray:
        with DefaultScope.overwrite_default_scope('mmseg'):
            given = image if isinstance(image, np.ndarray) else str(image)
            return mmseg.apis.inference_model(network, given).pred_sem_seg.data.numpy()

    return predict


def _preprocessor(model: EvaluatedSegmentor) -> dict:
    given = model.cfg.model.data_preprocessor
    kept = {
        name: given[name]
        for name in ('mean', 'std', 'bgr_to_rgb', 'rgb_to_bgr')
        if given.get(name) is not None
    }
    return dict(type='SegDataPreProcessor', **kept, pad_val=0, seg_pad_val=255)


def _pipeline(transforms: list) -> list[dict]:
    plain = []
    for transform in transforms:
        transform = _plain(transform)
        if transform['type'] == 'LoadSegImage' and transform.get('value_range'):
            raise _refusal('test_pipeline', 'maps other than 8-bit values')
        if transform['type'] in LOADERS:
            transform = dict(LOADERS[transform['type']])
        _check('test_pipeline', transform, TRANSFORMS)
        plain.append(transform)
    return plain


def _plain(node: Any) -> Any:
    """Copy a part of a config without initial weights and scopes."""
    if isinstance(node, dict):
        left_out = ('init_cfg', 'pretrained', '_scope_')
        return {k: _plain(v) for k, v in node.items() if k not in left_out}
    if isinstance(node, list | tuple):
        return [_plain(each) for each in node]
    return node


def _check(path: str, part: dict, registry: Registry) -> None:
    """Check that mmseg has the types of a part.

    Raises:
        ValueError: One is mmsemi's.
    """
    for name, kind in _types(part, path):
        found = registry.get(kind) if isinstance(kind, str) else kind
        if found is not None and found.__module__.split('.')[0] == 'mmsemi':
            called = found.__name__
            raise _refusal(
                name, f'is {called}, which mmseg does not have', RELATIVES.get(called)
            )


def _types(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(node, dict):
        return
    if 'type' in node:
        yield path, node['type']
    for key, child in node.items():
        if key != 'loss_decode':
            yield from _types(child, f'{path}.{key}')


def _refusal(path: str, fault: str, relative: str | None = None) -> ValueError:
    return ValueError(
        f'{path} {fault}: mmseg cannot run this network without mmsemi. '
        + INSTEAD
        + (f' {relative}.' if relative else '')
    )

"""Check that images divide into the patches of a vision transformer."""

from mmengine.config import Config
from torch import nn

from mmsemi.models.backbones.dinov2 import check_multiple


def check_sizes(model: nn.Module, cfg: Config) -> None:
    """Check that crops and windows divide into the backbone's patches.

    Args:
        model (nn.Module): Its backbone may have a ``size_multiple``, in pixels;
            of one that has none (timm's), ``test_cfg.multiple`` says it.
        cfg (Config): Config of the run.

    Raises:
        ValueError: They do not, or whole images are evaluated as they are.
    """
    test_cfg = getattr(model, 'test_cfg', None) or {}
    multiple = getattr(getattr(model, 'backbone', None), 'size_multiple', None)
    multiple = multiple or test_cfg.get('multiple') or 1
    if multiple == 1:
        return
    loader = cfg.get('train_dataloader')
    dataset = (loader.get('dataset') if isinstance(loader, dict) else None) or {}
    for name, pipeline in dataset.items():
        for transform in pipeline if name.endswith('_pipeline') else ():
            if 'crop_size' in transform:
                check_multiple('A crop', transform['crop_size'], multiple)
    if 'crop_size' in test_cfg:
        check_multiple('A window', test_cfg['crop_size'], multiple)
    elif test_cfg.get('mode', 'whole') == 'whole' and (
        (test_cfg.get('multiple') or 1) % multiple
    ):
        raise ValueError(
            'model.test_cfg evaluates whole images of any size, but the backbone '
            f'takes multiples of {multiple} pixels: set model.test_cfg.multiple='
            f'{multiple}, which resizes them.'
        )

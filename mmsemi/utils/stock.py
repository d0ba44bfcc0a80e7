"""Let mmseg's inferencer run on mmsemi's configs.

Importing this module is enough; ``custom_imports`` of every config does it.
``MMSegInferencer(model=CONFIG, weights=CHECKPOINT)`` then needs no scope, accepts
the config's test pipeline, and refuses a checkpoint of another network or one that
could run code.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.config import Config
from mmengine.registry import DefaultScope, init_default_scope
from torch import nn

from .checkpoint import check_fits, read_checkpoint, trusting
from .compat import around_inferencers_build
from .config import resolve_settings


def _prepare(cfg: Config) -> None:
    """Resolve a config of mmsemi, and use the image loader that mmseg expects.

    Raises:
        ValueError: Its images are not of three 8-bit channels, which mmseg's
            loader cannot read.
    """
    current = DefaultScope.get_current_instance()
    if current is None or current.scope_name != 'mmsemi':
        init_default_scope('mmsemi')
    resolve_settings(cfg)
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    pipeline = [t for t in dataset.get('pipeline', ()) if t['type'] != 'LoadSegMask']
    for i, transform in enumerate(pipeline):
        if transform['type'] != 'LoadSegImage':
            continue
        options = transform.keys() - {'type', 'backend_args'}
        if any(transform[k] not in (None, 3) for k in options):
            raise ValueError(
                'MMSegInferencer reads images with three 8-bit channels, and these '
                f'have others ({", ".join(sorted(options))} of LoadSegImage). Use '
                'mmsemi.apis.SemiInferencer, which is called in the same way.'
            )
        pipeline[i] = dict(
            type='LoadImageFromFile',
            color_type='color_ignore_orientation',
            backend_args=transform.get('backend_args'),
        )
    if dataset:
        dataset['pipeline'] = pipeline


@contextmanager
def _checked(cfg: Config, weights: str | None) -> Iterator[list[nn.Module]]:
    """Prepare a config of mmsemi, and check that its checkpoint fits.

    Raises:
        ValueError: The checkpoint is of another network, is damaged or could
            run code; MMEngine would load what fits.
    """
    built: list[nn.Module] = []
    if cfg.get('default_scope') != 'mmsemi':
        yield built
        return
    _prepare(cfg)
    with trusting(cfg.get('trust_checkpoint', False)):
        if weights is None:
            yield built
            return
        state = read_checkpoint(weights)
        yield built
    if cfg.get('strict_load', True):
        check_fits(built[0], state, weights)


around_inferencers_build(_checked)

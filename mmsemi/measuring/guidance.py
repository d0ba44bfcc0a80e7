"""Guide a method as in the middle of a training."""

from mmengine.config import Config
from mmengine.hooks import Hook
from torch import nn

from mmsemi.engine.hooks import PreviousModelsHook
from mmsemi.engine.hooks.guidance_hook import GuidanceHook
from mmsemi.registry import HOOKS, MODELS


def lend_models(cfg: Config, model: nn.Module) -> float:
    """Lend a method as many models as it may have in a training.

    All of them are one network with random weights, so they need less memory
    than in the training.

    Args:
        cfg (Config): Config of the training; reads ``custom_hooks``.
        model (SemiSegmentor): The method; only some methods need models.

    Returns:
        float: Memory that the hooks hold for their models in the training, as
        a multiple of the method's own weights.
    """
    hooks = [HOOKS.build(hook) for hook in cfg.get('custom_hooks', ())]
    hooks = [hook for hook in hooks if isinstance(hook, GuidanceHook)]
    guidance = getattr(model, 'guidance', None)
    if guidance is not None:
        with next(model.parameters()).device:
            guide = MODELS.build(cfg.model).eval().requires_grad_(False)
        lent = sum(getattr(hook, 'max_models', 1) for hook in hooks)
        guidance.models = [guide] * lent or None
        guidance.epoch, guidance.max_epochs = 1, 2
    return sum(map(_copies, hooks))


def _copies(hook: Hook) -> float:
    if not isinstance(hook, PreviousModelsHook):
        return 1
    # Its network takes over the weights of the model that runs: a conversion
    # is one more copy, weights used as they are stored are none.
    if hook.device == 'cpu':
        return 1
    return hook.max_models / 2 + 1 if hook.dtype == 'half' else hook.max_models

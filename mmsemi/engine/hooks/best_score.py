"""Name the score by which a run chooses its best checkpoint."""

from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner


def best_score(runner: Runner) -> tuple[str, str]:
    """Return the first score of ``save_best``, and which values are better.

    Args:
        runner (Runner): The run.

    Returns:
        tuple[str, str]: Name and 'greater' or 'less'; mIoU if no hook names one.
    """
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook) and hook.save_best not in (None, ['auto']):
            return hook.save_best[0], hook.rules[0]
    return 'mIoU', 'greater'

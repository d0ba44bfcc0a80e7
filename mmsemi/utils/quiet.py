"""Keep off the terminal what libraries say and a user can do nothing about.

Each message is named with the reason; everything else is shown as before.
"""

import functools
import logging
import warnings

# Of Python's warnings, by their beginning.
WARNINGS = (
    # mmcv, on every import: its compiled operators, which mmsemi does not use.
    'Fail to import ``MultiScaleDeformableAttention``',
    # mmseg's hook, in every run: pictures are off, which is its default.
    'The draw is False, it means that the hook for visualization',
    # mmseg, for each size of an image: whether a network aligns corners belongs to
    # its released weights.
    'When align_corners=True, the output would more aligned',
    # mmseg, for two classes: two logits are the choice here, for every method.
    'For binary segmentation, we suggest using',
    # mmseg, where `export` builds a network of its own, which is not trained.
    'Default ``avg_non_ignore`` is False, if you would like to',
    # MMEngine, in each of several processes: it sets what torchrun sets, too.
    'Setting OMP_NUM_THREADS environment variable for each process',
    'Setting MKL_NUM_THREADS environment variable for each process',
    # PyTorch's newer name of an argument that MMEngine's wrapper passes on.
    '`broadcast_buffers` is deprecated',
)
# Of what MMEngine logs, by their beginning; the log file has them.  Its own
# checkpoint hook uses these classes in every run.
LOGGED = (
    '"FileClient" will be deprecated in future.',
    '"HardDiskBackend" is the alias of "LocalBackend"',
)


def quiet_warnings() -> None:
    """Ignore :data:`WARNINGS`."""
    for message in WARNINGS:
        warnings.filterwarnings('ignore', message=message)


def quiet_debug_messages() -> None:
    """Let MMEngine print no message without a logger that is for debugging.

    MMEngine's ``print_log`` prints a message without a logger whatever its level,
    so that mmseg and mmpretrain say "Could not import OneDL", marked as for
    debugging only, in every process that imports them.

    Before mmseg is imported; messages to a logger stay what they are.
    """
    import mmengine.logging

    print_log = mmengine.logging.print_log

    @functools.wraps(print_log)
    def print_unless_debug(
        msg: object, logger: object = None, level: int = logging.INFO
    ) -> None:
        if logger is not None or level > logging.DEBUG:
            print_log(msg, logger, level)

    mmengine.logging.print_log = print_unless_debug

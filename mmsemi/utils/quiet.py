"""Keep off the terminal what libraries say and a user can do nothing about.

MMEngine's ``print_log`` prints a message without a logger whatever its level, so
that mmseg and mmpretrain say "Could not import OneDL", marked as for debugging
only, in every process that imports them.
"""

import functools
import logging


def quiet_debug_messages() -> None:
    """Let MMEngine print no message without a logger that is for debugging.

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

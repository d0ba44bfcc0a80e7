"""Start several processes as torchrun does; `dist_train.sh` and `dist_test.sh` use it.

When a process exits with an error of its own, which it has printed, torchrun's
report on it and its traceback are left out.
"""

import logging
import signal
import sys

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main

REPORTS = 'torch.distributed.elastic.multiprocessing.api'

if __name__ == '__main__':
    logging.getLogger(REPORTS).setLevel(logging.CRITICAL)
    try:
        main()
    except ChildFailedError as error:
        codes = {failure.exitcode for failure in error.failures.values()}
        # torchrun ends the others by SIGTERM. A process that another signal ended
        # could print nothing.
        if max(codes) < 0 or min(codes - {-signal.SIGTERM}) < 0:
            raise
        sys.exit(1)

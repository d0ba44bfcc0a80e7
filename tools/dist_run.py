"""Start several processes as torchrun does; `dist_train.sh` and `dist_test.sh` use it.

When a process exits with an error of its own, which it has printed, torchrun's
report on it and its traceback are left out.
"""

import logging
import sys

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main

REPORTS = 'torch.distributed.elastic.multiprocessing.api'

if __name__ == '__main__':
    logging.getLogger(REPORTS).setLevel(logging.CRITICAL)
    try:
        main()
    except ChildFailedError as error:
        _, failure = error.get_first_failure()
        if failure.exitcode < 0:  # ended by a signal, and could print nothing
            raise
        sys.exit(1)

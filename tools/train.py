"""Train a method: ``python tools/train.py configs/rankmatch/pascal_1-16.py``.

``--resume`` continues an interrupted run; ``--nproc 4`` trains on four processes.
"""

from mmsemi.commands.shared import as_main
from mmsemi.commands.train import train
from mmsemi.utils.cli import run_tool

main = as_main(train)

if __name__ == '__main__':
    run_tool(main)

"""Fetch the published lists of a data set, or make your own.

``python tools/data/prepare_splits.py pascal``
"""

from mmsemi.commands.shared import as_main
from mmsemi.commands.splits import splits
from mmsemi.utils.cli import run_tool

main = as_main(splits)

if __name__ == '__main__':
    run_tool(main)

"""Check a config's data before a long run.

``python tools/data/check_dataset.py CONFIG``
"""

from mmsemi.commands.check import check
from mmsemi.commands.shared import as_main
from mmsemi.utils.cli import run_tool

main = as_main(check)

if __name__ == '__main__':
    run_tool(main)

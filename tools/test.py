"""Evaluate a checkpoint: ``python tools/test.py CONFIG CHECKPOINT``."""

from mmsemi.commands.shared import as_main
from mmsemi.commands.test import test
from mmsemi.utils.cli import run_tool

main = as_main(test)

if __name__ == '__main__':
    run_tool(main)

"""Compare RankMatch with its supervised baseline: ``python tools/demo.py``."""

from mmsemi.commands.demo import demo
from mmsemi.commands.shared import as_main
from mmsemi.utils.cli import run_tool

main = as_main(demo)

if __name__ == '__main__':
    run_tool(main)

"""Make the built-in data set, which the first training would make otherwise."""

from mmsemi.commands.make_scenes import make_scenes
from mmsemi.commands.shared import as_main
from mmsemi.utils.cli import run_tool

main = as_main(make_scenes)

if __name__ == '__main__':
    run_tool(main)

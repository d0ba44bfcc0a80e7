"""Convert a released checkpoint to one of mmsemi.

``python tools/model_converters/from_released.py IN OUT --config CONFIG``
"""

from mmsemi.commands.from_released import from_released
from mmsemi.commands.shared import as_main
from mmsemi.utils.cli import run_tool

main = as_main(from_released)

if __name__ == '__main__':
    run_tool(main)

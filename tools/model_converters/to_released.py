"""Convert a checkpoint of mmsemi to the released format.

``python tools/model_converters/to_released.py IN OUT``
"""

from mmsemi.commands.shared import as_main
from mmsemi.commands.to_released import to_released
from mmsemi.utils.cli import run_tool

main = as_main(to_released)

if __name__ == '__main__':
    run_tool(main)

"""Make the masks that the published lists name, or masks from annotation files.

``python tools/data/convert_masks.py cityscapes``
"""

from mmsemi.commands.convert_masks import convert_masks
from mmsemi.commands.shared import as_main
from mmsemi.utils.cli import run_tool

main = as_main(convert_masks)

if __name__ == '__main__':
    run_tool(main)

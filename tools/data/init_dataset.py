"""Write a config for folders of images and masks, ready to train.

``python tools/data/init_dataset.py --images photos --masks masks --classes
classes.txt --out configs/my``
"""

from mmsemi.commands.init import init
from mmsemi.commands.shared import as_main
from mmsemi.utils.cli import run_tool

main = as_main(init)

if __name__ == '__main__':
    run_tool(main)

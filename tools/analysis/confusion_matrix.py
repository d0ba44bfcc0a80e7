"""Count which classes a network confuses.

``python tools/analysis/confusion_matrix.py CONFIG CHECKPOINT``
"""

from mmsemi.commands.confusion_matrix import confusion_matrix
from mmsemi.commands.shared import as_main
from mmsemi.utils.cli import run_tool

main = as_main(confusion_matrix)

if __name__ == '__main__':
    run_tool(main)

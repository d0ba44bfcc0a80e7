"""Draw training samples as the network sees them.

``python tools/analysis/browse_dataset.py CONFIG --output-dir pictures``
"""

from mmsemi.commands.browse import browse
from mmsemi.commands.shared import as_main
from mmsemi.utils.cli import run_tool

main = as_main(browse)

if __name__ == '__main__':
    run_tool(main)

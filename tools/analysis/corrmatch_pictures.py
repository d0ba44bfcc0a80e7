"""Show how CorrMatch's label propagation changes an image's pseudo-labels.

``python tools/analysis/corrmatch_pictures.py IMAGE CONFIG CHECKPOINT --out-dir DIR``
"""

from mmsemi.commands.corrmatch_pictures import corrmatch_pictures
from mmsemi.commands.shared import as_main
from mmsemi.utils.cli import run_tool

main = as_main(corrmatch_pictures)

if __name__ == '__main__':
    run_tool(main)

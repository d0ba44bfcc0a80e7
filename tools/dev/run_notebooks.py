"""Run the notebooks of the documentation and store what they show.

``python tools/dev/run_notebooks.py docs/notebooks/NAME.ipynb`` runs a notebook from
top to bottom, in an empty folder, and writes its output into it.  The site shows
this output: `make docs` runs nothing.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Run each notebook that is named."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('notebooks', nargs='+', type=Path)
    # The notebooks call this environment's `mmsemi`.
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ['PATH']])
    os.environ.update(PATH=path, PYTHONPATH=str(ROOT), PYTHONWARNINGS='ignore')
    os.environ.update(TERM='dumb', COLUMNS='90')  # no bars, no colors
    for file in parser.parse_args().notebooks:
        notebook = nbformat.read(file, as_version=4)
        with tempfile.TemporaryDirectory() as folder:
            os.environ['MMSEMI_DATA'] = folder
            resources = {'metadata': {'path': folder}}
            NotebookClient(notebook, timeout=None, resources=resources).execute()
        for cell in notebook.cells:
            cell.metadata.pop('execution', None)  # times
        nbformat.write(notebook, file)


if __name__ == '__main__':
    main()

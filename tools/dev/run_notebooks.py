"""Run the notebooks of the documentation and store what they show.

``python tools/dev/run_notebooks.py docs/notebooks/NAME.ipynb`` runs a notebook from
top to bottom, in an empty folder, and writes its output into it, without progress
bars and terminal colors.  The site shows this output: `make docs` runs nothing.
"""

import argparse
import base64
import io
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
CONTROL = re.compile(r'\x1b\[[?\d;]*[a-zA-Z]')
# Progress bars, and lines of the log.
PASSING = re.compile(r'[━╸╺]{5,}.*\d+%|^\d\d/\d\d [\d:]+ - ')


def plain(text: str) -> str:
    """Return what remains of a terminal's output when all is done."""
    lines = re.split(r'\r?\n|\r', CONTROL.sub('', text))
    kept = [line for line in lines if not PASSING.search(line)]
    return re.sub(r'\n{3,}', '\n\n', '\n'.join(kept))


def smaller(png: str) -> str:
    """Return a PNG with 256 colors; both as base64."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        image.convert('RGB').quantize(256).save(file, 'PNG', optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Keep of a notebook's output what a reader wants to see."""
    for cell in notebook.cells:
        cell.metadata.pop('execution', None)  # times
        kept, text = [], ''
        for output in cell.get('outputs', ()):
            if output.output_type == 'stream':
                text += output.text
            elif 'image/png' in output.data:
                output.data['image/png'] = smaller(output.data['image/png'])
                kept.append(output)
            elif output.output_type == 'execute_result':
                kept.append(output)
        if text := plain(text).strip('\n'):
            stream = nbformat.v4.new_output('stream', name='stdout', text=text + '\n')
            kept.insert(0, stream)
        if cell.cell_type == 'code':
            cell.outputs = kept


def main() -> None:
    """Run each notebook that is named."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('notebooks', nargs='+', type=Path)
    # The notebooks call this environment's `mmsemi`.
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ['PATH']])
    os.environ.update(PATH=path, PYTHONPATH=str(ROOT), PYTHONWARNINGS='ignore')
    for file in parser.parse_args().notebooks:
        notebook = nbformat.read(file, as_version=4)
        with tempfile.TemporaryDirectory() as folder:
            os.environ['MMSEMI_DATA'] = folder
            resources = {'metadata': {'path': folder}}
            NotebookClient(notebook, timeout=None, resources=resources).execute()
        tidy(notebook)
        nbformat.write(notebook, file)


if __name__ == '__main__':
    main()

"""The notebooks of the documentation run from top to bottom."""

import os
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from tests.helpers.tools import ROOT

# Less of everything than a reader would want.
PARAMETERS = {
    'own_data': "images = 64; method = 'fixmatch'; steps = 2",
    'compare_methods': 'epochs = 1',
}


@pytest.mark.parametrize(
    'file', sorted(ROOT.glob('docs/notebooks/*.ipynb')), ids=lambda file: file.stem
)
def test_notebook_runs(file, tmp_path, monkeypatch):
    notebook = nbformat.read(file, as_version=4)
    (cell,) = (c for c in notebook.cells if 'parameters' in c.metadata.get('tags', ()))
    cell.source += '\n' + PARAMETERS[file.stem]
    # The command that the notebook calls is the one of this environment.
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ['PATH']])
    monkeypatch.setenv('PATH', path)
    monkeypatch.setenv('PYTHONPATH', str(ROOT))
    monkeypatch.setenv('MMSEMI_DATA', str(tmp_path))
    NotebookClient(
        notebook, timeout=300, resources={'metadata': {'path': str(tmp_path)}}
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.get('outputs', ())]
    assert any('image/png' in output.get('data', {}) for output in outputs)

"""Settings of the documentation site, which `make docs` builds."""

from sphinx.application import Sphinx

import mmsemi

project = 'mmsemi'
author = 'the authors of mmsemi'
copyright = author
release = mmsemi.__version__

extensions = [
    'myst_nb',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
    'sphinx.ext.viewcode',
    'sphinx_copybutton',
]
exclude_patterns = ['_build']

nb_execution_mode = 'off'  # tools/dev/run_notebooks.py stores their output in them

myst_enable_extensions = ['colon_fence', 'dollarmath']
myst_heading_anchors = 3

autodoc_typehints = 'signature'
autodoc_member_order = 'bysource'
autodoc_default_options = {'members': True, 'show-inheritance': True}
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes of named tuples are members already

html_theme = 'furo'
html_title = f'mmsemi {release}'


def setup(app: Sphinx) -> None:
    """Leave out the fields of named tuples, which their `Attributes` describe."""
    app.connect('autodoc-skip-member', lambda *args: is_field(args[3]) or None)


def is_field(member: object) -> bool:
    """Return whether a member is a field of a named tuple."""
    return (getattr(member, '__doc__', '') or '').startswith('Alias for field number')

"""Fill the templates of pages that need no network."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined


def _read(name: str) -> str:
    return (files(__package__) / 'templates' / name).read_text('utf-8')


def fill(name: str, context: Mapping[str, Any], data: Any) -> str:
    """Fill a template.

    Args:
        name (str): Of the template.
        context (Mapping): Its variables; ``css`` and ``js`` are added.
        data (Any): For the page's script: curves and runs.
    """
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(_read),
    )
    # `<` would end the script that holds it.
    text = json.dumps(data, allow_nan=False, separators=(',', ':'))
    return environment.get_template(name).render(
        context,
        data=text.replace('<', '\\u003c'),
        css=_read('report.css'),
        js=_read('report.js'),
    )

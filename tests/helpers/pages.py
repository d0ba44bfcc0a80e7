"""What the documents show, in order: commands, and blocks of Python."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from tests.helpers.tools import ROOT

PAGES = sorted(
    [
        *ROOT.glob('*.md'),
        *ROOT.glob('results/*.md'),
        *ROOT.glob('docs/*.md'),
        *ROOT.glob('docs/[!_]*/*.md'),
    ]
)
PROGRAM = re.compile(r'(?:mmsemi|make|pip|python|tools/\S+\.sh) ')
# Variables of the environment before a command.
VARIABLES = re.compile(r'^(?:[A-Z_]+=(?:\'[^\']*\'|\S*) )+')
LOOP = re.compile(r'^for (\w+) in (\S+) .*; do (.*); done$')


def shown(page: Path) -> Iterator[tuple[str, str]]:
    """Yield what a page shows: a kind, and the text.

    The kind is 'command' for each command line, in an indented block or one
    without a language or with that of a shell, and 'python' for a block of Python.
    """
    language, block = None, ''
    text = re.sub(r'\\\n\s*', '', page.read_text())
    for line in text.splitlines():
        if line.startswith('```'):
            if language == 'python':
                yield 'python', block
            language, block = (line[3:] if language is None else None), ''
        elif language == 'python':
            block += line + '\n'
        elif language in ('', 'sh') or (language is None and line.startswith('    ')):
            command = VARIABLES.sub('', line.strip())
            if loop := LOOP.match(command):  # its first round
                name, value, command = loop.groups()
                command = command.replace(f'${{{name}}}', value)
            if PROGRAM.match(command) and '...' not in command:
                yield 'command', command


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the command lines of a page, each as its words."""
    for kind, text in shown(page):
        if kind == 'command':
            yield shlex.split(text, comments=True)

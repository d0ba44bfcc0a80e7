"""The commands that the documents show are commands, with these arguments."""

import re
import shlex

import click
import pytest
import typer

from mmsemi.commands.main import app
from mmsemi.utils.shipped import config_names
from tests.helpers.tools import ROOT
from tests.test_docs import PAGES

GROUP = typer.main.get_command(app)
MAKE_TARGETS = re.findall(r'^(\w+):', (ROOT / 'Makefile').read_text(), re.M)
# The arguments of a shell script before those of the command that it starts.
SCRIPTS = {
    'tools/dist_train.sh': ('train', slice(0, 1), slice(2, None)),
    'tools/dist_test.sh': ('test', slice(0, 2), slice(3, None)),
    'tools/slurm_train.sh': ('train', slice(2, 3), slice(3, None)),
}


def shown_commands(page):
    """Return the command lines in a page's code blocks, each as its words."""
    text = re.sub(r'\\\n\s*', '', page.read_text())
    indented = re.findall(r'^(?: {4}|\t)(\S.*)$', text, re.M)
    fenced = re.findall(r'^```(?:bash|sh|shell)?\n(.*?)^```', text, re.M | re.S)
    for line in (*indented, *'\n'.join(fenced).splitlines()):
        line = re.sub(r'^(?:[A-Z_]+=(?:\'[^\']*\'|\S*) )+', '', line.strip())
        if (
            re.match(r'(?:mmsemi|make|python|tools/\S+\.sh) ', line)
            and '...' not in line
        ):
            yield shlex.split(line, comments=True)


def as_command(words):
    """Return the name and the arguments of a command of mmsemi, or None."""
    program, *words = words
    if program in SCRIPTS:
        name, first, rest = SCRIPTS[program]
        return name, words[first] + words[rest]
    if program == 'python' and words and words[0].startswith('tools/'):
        script = (ROOT / words[0]).read_text()
        found = re.search(
            r'^from mmsemi\.commands\.(?!shared)(\w+) import', script, re.M
        )
        return (found[1].replace('_', '-'), words[1:]) if found else None
    return (words[0], words[1:]) if program == 'mmsemi' else None


CASES = {
    f'{page.relative_to(ROOT)}: {shlex.join(words)}': words
    for page in PAGES
    for words in shown_commands(page)
}


def test_commands_are_found():
    assert len(CASES) > 60


@pytest.mark.parametrize('words', CASES.values(), ids=CASES.keys())
def test_command_takes_these_arguments(words):
    if words[0] == 'make':
        assert words[1] in MAKE_TARGETS
    elif words[0] == 'python' and words[1].endswith('.py'):
        assert (ROOT / words[1]).is_file()
    if (command := as_command(words)) and not command[0].startswith('-'):
        parse(GROUP, *command)


def parse(group, name, words):
    """Parse the words as a command would, without running it."""
    assert name in group.commands, f'mmsemi has no command {name}'
    command = group.commands[name]
    if isinstance(command, click.Group) and words and words[0] in command.commands:
        parse(command, words[0], words[1:])
        return
    context = command.make_context(name, list(words))
    config = context.params.get('config')
    # Words in capitals and folders of the reader's own stand for something.
    stand_in = re.compile(r'.*[A-Z]{4}|my|configs/my|work_dirs')
    if isinstance(config, str) and not stand_in.match(config):
        assert config in config_names() or (ROOT / config).is_file(), config

"""The commands that the documents show are commands, with these arguments."""

import functools
import re
import runpy
import shlex

import pytest
import typer

from mmsemi.commands.main import app
from mmsemi.utils.shipped import config_names
from tests.helpers.pages import PAGES, commands
from tests.helpers.tools import ROOT

GROUP = typer.main.get_command(app)
MAKE_TARGETS = re.findall(r'^(\w+):', (ROOT / 'Makefile').read_text(), re.M)
# The arguments of a shell script before those of the command that it starts.
SCRIPTS = {
    'tools/dist_train.sh': ('train', slice(0, 1), slice(2, None)),
    'tools/dist_test.sh': ('test', slice(0, 2), slice(3, None)),
    'tools/slurm_train.sh': ('train', slice(2, 3), slice(3, None)),
}
# Words in capitals, and what a reader of the page makes, stand for something.
STAND_IN = re.compile(
    r'.*[A-Z]{4}|my|configs/(my|softmatch)|work_dirs|unimatch_tiny_net|seaside'
)


def as_command(words):
    """Return the name and the arguments of a command of mmsemi, or None."""
    program, *words = words
    if program in SCRIPTS:
        name, first, rest = SCRIPTS[program]
        words = [word for word in words if word != '--requeue']  # the script's own
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
    for words in commands(page)
}


def test_commands_are_found():
    assert len(CASES) > 80


@pytest.mark.parametrize('words', CASES.values(), ids=CASES.keys())
def test_command_takes_these_arguments(words):
    if words[0] == 'make':
        assert words[1] in MAKE_TARGETS
    elif words[0] == 'python' and words[1].endswith('.py'):
        assert (ROOT / words[1]).is_file()
    elif words[0] == 'pip':
        for named in re.findall(r'\[(.*?)\]', ' '.join(words)):
            assert {*named.split(',')} <= extras()
    if (command := as_command(words)) and not command[0].startswith('-'):
        parse(GROUP, *command)


@functools.cache
def extras():
    """Return the extras of setup.py."""
    with pytest.MonkeyPatch.context() as patch:
        found = {}
        patch.setattr('setuptools.setup', lambda **args: found.update(args))
        runpy.run_path(str(ROOT / 'setup.py'))
    return {*found['extras_require']}


def parse(group, name, words):
    """Parse the words as a command would, without running it."""
    assert name in group.commands, f'mmsemi has no command {name}'
    command = group.commands[name]
    if words and words[0] in getattr(command, 'commands', ()):
        parse(command, words[0], words[1:])
        return
    context = command.make_context(name, list(words))
    config = context.params.get('config')
    if isinstance(config, str) and not STAND_IN.match(config):
        assert config in config_names() or (ROOT / config).is_file(), config


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_within_sentences_have_these_options(page):
    text = re.sub(r'^```.*?^```', '', page.read_text(), flags=re.M | re.S)
    for code in re.findall(r'`(mmsemi [a-z][^`]*)`', text):
        name, *words = code.split()[1:]
        assert name in GROUP.commands, code
        command = GROUP.commands[name]
        if words and words[0] in getattr(command, 'commands', ()):
            command = command.commands[words[0]]
        known = {name for param in command.params for name in param.opts} | {'--help'}
        for word in words:
            assert not word.startswith('--') or word.partition('=')[0] in known, code

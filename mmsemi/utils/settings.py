"""Check that every name at the top level of a config is read by something.

A config is Python, so it also holds variables.  Its files are evaluated one
after the other, and the file that uses a variable reads it.  Setting that name
later, in a config based on that file or on the command line, changes nothing.
"""

import ast
import difflib
import inspect
import os.path as osp
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.fileio import load
from mmengine.runner import Runner

from .variables import VARIABLES

# What runners, tools and `mmsemi.apis` read of a config. Add new settings of the
# top level here.
SETTINGS = frozenset(inspect.signature(Runner).parameters) - {'cfg'} | {
    # MMEngine's, beside the arguments of its runner
    'activation_checkpointing',
    'compile',
    'custom_imports',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'runner_type',
    'sync_bn',
    'tta_model',
    'tta_pipeline',
    # mmsemi's
    'channels_last',
    'crop_size',
    'custom_names',
    'data_root',
    'gradient_checkpointing',
    'rehearse',
    'self_training',
    'sharding',
    'strict_load',
    'strong_view',
    'test_pipeline',
    'total_batch_size',
    'transform_defaults',
    'trust_checkpoint',
    'upload_to',
    'views_on_device',
}


class ConfigFile(NamedTuple):
    """What a file of a config sets at its top level, and what it reads.

    Attributes:
        name (str): The file.
        sets (frozenset[str]): Names that it gives a value.
        reads (frozenset[str]): Names whose value it uses.
        reads_of_bases (frozenset[str]): Names that it uses as ``_base_.NAME``.
        bases (tuple[ConfigFile, ...]): The files of ``_base_``.
        opaque (bool): It has bases that are not read here: another package's,
            or those of a config in MMEngine's new style.
    """

    name: str
    sets: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    reads_of_bases: frozenset[str] = frozenset()
    bases: tuple['ConfigFile', ...] = ()
    opaque: bool = False

    def with_readers(
        self, readers: frozenset[str] = frozenset()
    ) -> Iterator[tuple['ConfigFile', frozenset[str]]]:
        """Yield each file of the config, and the names that files based on it read."""
        yield self, readers
        for base in self.bases:
            yield from base.with_readers(readers | self.reads_of_bases)

    def lineage(self) -> Iterator['ConfigFile']:
        """Yield the file and all files below it."""
        yield self
        for base in self.bases:
            yield from base.lineage()

    def base_that_sets(self, name: str, used: bool = False) -> str | None:
        """Return the base whose value of a name this file changes without using it.

        Args:
            name (str): The name.
            used (bool): Whether a base must have used it. Defaults to False.
        """
        if name not in self.sets - self.reads:
            return None
        bases = [each for base in self.bases for each in base.lineage()]
        if used and not any(name in b.reads | b.reads_of_bases for b in bases):
            return None
        found = [base.name for base in bases if name in base.sets]
        return found[0] if found else 'its base' if self.opaque else None


def check_names(cfg: Config) -> None:
    """Check that everything at the top level of a config is read by something.

    Allowed are :data:`SETTINGS`; variables that are used in the file that sets them;
    names that begin with ``_``; and those that the config declares, as in
    ``custom_names = ['my_note']``.  A user's variables are added to
    ``custom_names``, so that the config which a run saves, where they have been
    replaced with their values, declares them.

    Args:
        cfg (Config): It is changed.

    Raises:
        ValueError: Nothing reads a name, or a file changes a variable of a base
            which that base has used already.
    """
    own = _custom_names(cfg)
    checked = {n for n in cfg if not n.startswith('_')} - SETTINGS - own
    file = _file_of(cfg)
    files = list(file.with_readers()) if file else []
    variables = set()
    for each, readers in files:
        for name in sorted(each.sets & checked):
            if name in each.reads | readers:
                variables.add(name)
            elif base := each.base_that_sets(name, used=each is not file):
                raise ValueError(
                    f'{each.name} sets {name}, which changes nothing: it is a '
                    f'variable, and {base} has used its value before.'
                    f'{_places(cfg, name)}'
                )
            elif name not in VARIABLES:
                raise ValueError(f'{each.name}: {_unknown(cfg, name)}')
    if not any(each.opaque for each, _ in files):
        for name in sorted(checked - VARIABLES - variables):
            raise ValueError(f'{file.name + ": " if file else ""}{_unknown(cfg, name)}')
    if variables - VARIABLES:
        cfg.custom_names = sorted(own | (variables - VARIABLES))


def check_options(cfg: Config, options: Iterable[str]) -> None:
    """Check that settings on the command line have a reader.

    Args:
        cfg (Config): The config before they are merged into it.
        options (Iterable[str]): Their keys, with dots.

    Raises:
        ValueError: A key's first part is unknown, or a variable of the config.
    """
    own = _custom_names(cfg)
    names = {key.partition('.')[0] for key in options}
    for name in sorted(names):
        if name in SETTINGS | own or name.startswith('_'):
            continue
        if name in cfg:
            raise ValueError(
                f'--cfg-options {name}... changes nothing: {name} is a variable '
                'of the config, whose files have used its value before the '
                f'command line is read.{_places(cfg, name)}'
            )
        if 'custom_names' not in names:
            raise ValueError(f'--cfg-options: {_unknown(cfg, name)}')


def overridden(cfg: Config, name: str) -> str | None:
    """Return the base whose value of a name a config's file changes without using it.

    Args:
        cfg (Config): A config that was read from a file.
        name (str): A name at its top level.
    """
    file = _file_of(cfg)
    return file.base_that_sets(name) if file else None


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``'; did you mean ...?'``, or '' if no known name is similar."""
    found = difflib.get_close_matches(name, list(known), 1)
    return f'; did you mean {found[0]}?' if found else ''


def find_key(node: Any, name: str, path: str = '') -> Iterator[tuple[str, Any]]:
    """Yield path and value of every key of this name below a part of a config."""
    if isinstance(node, dict):
        items: Iterable = node.items()
    elif isinstance(node, list | tuple):
        items = enumerate(node)
    else:
        return
    for key, value in items:
        here = f'{path}.{key}' if path else str(key)
        if key == name and path:
            yield here, value
        yield from find_key(value, name, here)


def _custom_names(cfg: Config) -> set[str]:
    names = cfg.get('custom_names') or []
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise ValueError(
            f"custom_names={names!r} is not a list of names, as in ['my_note']."
        )
    return set(names)


def _unknown(cfg: Config, name: str) -> str:
    message = f'{name} is set, but nothing reads it'
    places = [path for path, _ in find_key(_below(cfg), name)]
    near = nearest(name, SETTINGS | set(cfg) - {name})
    if places:
        message += f'; did you mean {places[0]}?'
    else:
        message += near or '.'
    return (
        f"{message} A name of your own begins with '_', or is declared: "
        f'custom_names = [{name!r}].'
    )


def _places(cfg: Config, name: str) -> str:
    """Tell where the value of a variable is in a config."""
    value = cfg.get(name)
    found = [path for path, _ in find_key(_below(cfg), name)]
    found += [
        path
        for path, each in _containers(_below(cfg))
        if each == value and path not in found
    ]
    if not found:
        return ' Set the places that use it.'
    return f' Set {" and ".join(found[:4])}.'


def _containers(node: Any, path: str = '') -> Iterator[tuple[str, Any]]:
    if path:
        yield path, node
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, dict | list | tuple):
                yield from _containers(value, f'{path}.{key}' if path else key)


def _below(cfg: Config) -> dict:
    """Return the parts of a config that a run reads, without its variables."""
    return {name: value for name, value in cfg.items() if name in SETTINGS}


def _file_of(cfg: Config) -> ConfigFile | None:
    name = getattr(cfg, 'filename', None)
    if not name or not osp.isfile(name):
        return None
    return _read(osp.abspath(name), osp.getmtime(name))


@lru_cache(maxsize=256)
def _read(name: str, changed: float) -> ConfigFile:
    """Find what a file sets and reads; ``changed`` renews the cache."""
    with open(name, encoding='utf-8') as file:
        text = file.read()
    # MMEngine's own syntax: {{_base_.NAME}}, {{fileBasename}}, {{$VARIABLE:...}}.
    reads_of_bases = set(re.findall(r'\{\{\s*_base_\.(\w+)', text))
    reads: set[str] = set()
    sets: set[str] = set()
    bases: list[str] = []
    opaque = 'read_base' in text
    if name.endswith('.py'):
        tree = ast.parse(re.sub(r'\{\{[\'"]?\s*\$?\w[^{}]*\}\}', '0', text))
    else:
        content = load(name)
        sets, bases = set(content), content.get('_base_', [])
        tree = ast.parse('')
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (reads if isinstance(node.ctx, ast.Load) else sets).add(node.id)
        elif isinstance(node, ast.alias):
            sets.add(node.asname or node.name)
        elif isinstance(node, ast.ClassDef):
            sets.add(node.name)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == '_base_':
            reads_of_bases.add(node.attr)
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '_base_':
            try:
                bases = ast.literal_eval(node.value)
            except ValueError:  # an expression
                opaque = True
    found = []
    for base in [bases] if isinstance(bases, str) else bases:
        path = osp.normpath(osp.join(osp.dirname(name), base))
        if '::' in base or not osp.isfile(path):
            opaque = True
        else:
            found.append(_read(path, osp.getmtime(path)))
    return ConfigFile(
        name,
        frozenset(sets - {'_base_'}),
        frozenset(reads),
        frozenset(reads_of_bases),
        tuple(found),
        opaque,
    )

"""Explain errors of constructors in the terms of the config."""

import inspect
import os.path as osp
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry

from .extras import need_types
from .settings import find_key, nearest

UNKNOWN = re.compile(
    r'(?P<call>[\w.]+)\(\) got (?:an unexpected|multiple values for) '
    r"(?:keyword )?argument '(?P<name>\w+)'"
)
MISSING = re.compile(
    r'(?P<call>[\w.]+)\(\) missing \d+ required [\w-]+ arguments?: (?P<names>.+)'
)

REFUSALS = (AssertionError, KeyError, NotImplementedError, TypeError, ValueError)
PACKAGE = osp.dirname(osp.dirname(osp.abspath(__file__)))


@contextmanager
def named_by_config(cfg: dict) -> Iterator[None]:
    """Name the setting if a constructor refuses what a config gives it.

    MMEngine's error for an argument that a constructor does not know, or lacks,
    is a bare ``TypeError`` of Python, and for a type that is not registered a
    ``KeyError``.  The error names the place in the config instead, also if a
    constructor of a library refuses a value.

    Args:
        cfg (dict): The config that the block builds from.

    Yields:
        None: Nothing.

    Raises:
        ImportError: A part of the network needs a package that is not installed.
        ValueError: Names the setting, its value and the nearest known name.
    """
    need_types(cfg.get('model'))
    try:
        yield
    except REFUSALS as error:
        message = _explain(cfg, error)
        if message is None:
            raise
        raise ValueError(message) from error


def unknown_argument(kind: type, name: str) -> TypeError:
    """Return Python's error for an argument that a class does not take."""
    return TypeError(
        f"{kind.__name__}.__init__() got an unexpected keyword argument '{name}'"
    )


def accepted(kind: Any) -> set[str]:
    """Return the names of all arguments that a class or function takes.

    If it has ``**kwargs``, the arguments of its base classes are added, to which
    these are usually passed.
    """
    names: set[str] = set()
    for cls in inspect.getmro(kind) if inspect.isclass(kind) else [kind]:
        function = cls.__dict__.get('__init__') if inspect.isclass(cls) else cls
        if function is None:
            continue
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):  # written in C
            continue
        names |= {
            p.name
            for p in parameters
            if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        }
        if not any(p.kind == p.VAR_KEYWORD for p in parameters):
            break
    return names - {'self'}


def _explain(cfg: dict, error: Exception) -> str | None:
    """Return the error in the terms of a config, None if it is another error."""
    cfg = cfg.to_dict() if isinstance(cfg, Config) else cfg
    frames = list(_frames(error.__traceback__))
    building = next((f for f in frames if f.f_code.co_name == 'build_from_cfg'), None)
    node = building.f_locals['cfg'] if building else {}
    text = str(error.args[0]) if error.args else ''
    if isinstance(error, KeyError):
        if ' is not in the ' in text and 'registry' in text:
            return _unknown_type(cfg, frames, text)
        if 'must contain the key "type"' in text:
            path = _path(cfg, node)
            return f'{path}={dict(node)!r} has no type{_sibling(cfg, path) or "."}'
    if found := UNKNOWN.search(text):
        owner = found['call'].removesuffix('.__init__')
        kind = _class(frames, building, owner, found['name'])
        return _unknown_argument(cfg, node, owner, kind, found['name'])
    if found := MISSING.search(text):
        return (
            f'{_path(cfg, node)} of type {_type_name(node)} lacks '
            f'{found["names"]}, which it needs.'
        )
    if isinstance(error, TypeError) or building is None:
        return None
    if frames[0].f_code.co_filename.startswith(PACKAGE):
        return None  # worded for users
    text = text or traceback.extract_tb(error.__traceback__)[-1].line or ''
    return f'{_path(cfg, node)} of type {_type_name(node)} is refused: {text}'


def _unknown_argument(
    cfg: dict, node: dict, owner: str, kind: Any, name: str
) -> str | None:
    """Explain an argument that a constructor does not know."""
    if name in node:
        paths = [f'{path}.{name}' for path in _paths(cfg, node, name)]
    else:  # a layer's, such as norm_cfg's, or a loader's
        starts = _paths(cfg, node) if node else []
        inner = [
            path
            for start in starts
            for path, _ in find_key(_get(cfg, start), name, start)
        ]
        paths = inner or [path for path, _ in find_key(cfg, name)]
    if not paths:
        return None
    known = accepted(kind) if kind is not None else set()
    if name in known:
        cure = ', which is set by another setting: leave it out.'
    elif near := nearest(name, known):
        cure = f'{near}'
    else:
        cure = f'. It takes {", ".join(sorted(known))}.' if known else '.'
    owner = kind.__name__ if inspect.isclass(kind) else owner
    return (
        f'{" and ".join(paths[:3])}={_get(cfg, paths[0])!r}: {owner} takes no '
        f'argument {name}{cure}'
    )


def _class(
    frames: list[FrameType], building: FrameType | None, owner: str, name: str
) -> Any:
    """Find the class, or function, that a call of this name meant."""
    kind = building.f_locals.get('obj_cls') if building else None
    if kind is not None and name in building.f_locals['cfg']:
        return kind  # perhaps the argument was passed on
    for names in (frames[0].f_locals, frames[0].f_globals):
        for value in (names.get('cls'), *names.values()):
            if getattr(value, '__qualname__', None) == owner:
                return value
    return None


def _unknown_type(cfg: dict, frames: list[FrameType], text: str) -> str:
    """Explain a type that is not registered."""
    name = text.partition(' is not in the')[0]
    found = (frame.f_locals.get('registry') for frame in frames)
    registry = next((each for each in found if isinstance(each, Registry)), None)
    paths = [path for path, value in find_key(cfg, 'type') if str(value) == name]
    if cfg.get('runner_type') == name:
        paths = ['runner_type']
    known: set[str] = set()
    node = registry
    while node is not None:
        known |= set(node.module_dict)
        node = node.parent
    where = f'{" and ".join(paths[:3]) or "type"}={name!r}'
    kind = f'{registry.name} ' if registry is not None else ''
    return (
        f'{where}: no {kind}of this name is registered'
        f'{nearest(name, known) or "."} A module of your own must be named in '
        'custom_imports.'
    )


def _frames(trace: TracebackType | None) -> Iterator[FrameType]:
    """Yield the frames of a traceback, innermost first."""
    frames = []
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    yield from reversed(frames)


def _type_name(node: dict) -> str:
    kind = node.get('type')
    return kind.__name__ if inspect.isclass(kind) else str(kind)


def _dicts(node: Any, path: str = '') -> Iterator[tuple[str, dict]]:
    """Yield path and content of every dict below a part of a config."""
    if isinstance(node, dict):
        if path:
            yield path, node
        items: Any = node.items()
    elif isinstance(node, list | tuple):
        items = enumerate(node)
    else:
        return
    for key, value in items:
        yield from _dicts(value, f'{path}.{key}' if path else str(key))


def _paths(cfg: dict, node: dict, name: str | None = None) -> list[str]:
    """Find the paths of the dicts of a config that a constructor was given.

    The dicts may have been copied and completed: those with the same content
    come first, else those of the same type that have the key ``name``.
    """
    every = list(_dicts(cfg))
    same = [path for path, each in every if each == node]
    if same:
        return same
    return [
        path
        for path, each in every
        if each.get('type') == node.get('type') and (name is None or name in each)
    ]


def _path(cfg: dict, node: dict) -> str:
    return (_paths(cfg, node) or ['config'])[0]


def _get(cfg: dict, path: str) -> Any:
    node: Any = cfg
    for key in path.split('.'):
        node = node[int(key)] if isinstance(node, list | tuple) else node[key]
    return node


def _sibling(cfg: dict, path: str) -> str:
    """Return the key beside a path that is most similar to its own."""
    parent, _, key = path.rpartition('.')
    siblings = _get(cfg, parent) if parent else cfg
    return nearest(key, set(siblings) - {key}) if isinstance(siblings, dict) else ''

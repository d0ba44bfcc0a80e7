"""Read the config that a run has saved, without running it."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmsemi.utils.variables import VARIABLES


def read_settings(file: Path) -> dict[str, Any]:
    """Read a config as MMEngine dumps it: names, and literal values.

    A config is Python code; nothing of it is run here, so that a report on
    somebody else's folder is safe.

    Args:
        file (Path): The dumped config, ``.py``.

    Raises:
        ValueError: It is no dumped config: it has imports, a base or other code.
    """
    try:
        tree = ast.parse(file.read_text(encoding='utf-8'))
        settings = {}
        for node in tree.body:
            if not isinstance(node, ast.Assign):
                raise TypeError(ast.unparse(node))
            settings[ast.unparse(node.targets[0])] = _literal(node.value)
    except (SyntaxError, TypeError, ValueError) as error:
        raise ValueError(f'{file} is not a config that a run has saved.') from error
    return settings


def _literal(node: ast.expr) -> Any:
    """Evaluate a literal; ``dict(a=1)`` counts as one."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == 'dict':
        found = {}
        for argument in node.args:
            found.update(_literal(argument))
        for keyword in node.keywords:
            value = _literal(keyword.value)
            found.update(value if keyword.arg is None else {keyword.arg: value})
        return found
    if isinstance(node, ast.List | ast.Tuple):
        items = [_literal(each) for each in node.elts]
        return items if isinstance(node, ast.List) else tuple(items)
    if isinstance(node, ast.Dict):
        keys = [None if key is None else _literal(key) for key in node.keys]
        found = {}
        for key, value in zip(keys, map(_literal, node.values), strict=True):
            found.update(value if key is None else {key: value})
        return found
    if isinstance(node, ast.Call):  # of another function: shown as text
        return ast.unparse(node)
    return ast.literal_eval(node)


def flatten(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a run reads, with dots as in ``--cfg-options``.

    Variables of the config's files are left out: their values are elsewhere.

    Args:
        settings (Mapping): Of :func:`read_settings`.

    Returns:
        dict: ``{'model.conf_thresh': 0.95, 'custom_hooks.0.type': ...}``.
    """
    own = settings.get('custom_names') or ()
    return dict(
        item
        for name, value in settings.items()
        if name not in VARIABLES and name not in own
        for item in _leaves(name, value)
    )


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        items = value.items()
    elif isinstance(value, list | tuple) and any(
        isinstance(each, Mapping | list) for each in value
    ):
        items = enumerate(value)
    else:
        yield path, value
        return
    for key, each in items:
        yield from _leaves(f'{path}.{key}', each)


def differences(
    configs: Sequence[Mapping[str, Any]], ignore: Sequence[str] = ('work_dir',)
) -> dict[str, list[str | None]]:
    """Return the settings in which runs differ.

    Args:
        configs (Sequence[Mapping]): Of :func:`flatten`, one for each run.
        ignore (Sequence[str]): Settings that differ in any case.

    Returns:
        dict: Values by setting, as text, one for each run; None where a run has
        no such setting.
    """
    names = dict.fromkeys(name for config in configs for name in config)
    found = {}
    for name in names:
        values = [repr(c[name]) if name in c else None for c in configs]
        if len(set(values)) > 1 and name not in ignore:
            found[name] = values
    return found

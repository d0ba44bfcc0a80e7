"""Read the file of a sweep: methods, splits, seeds and options."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from mmsemi.utils.compat import parse_option
from mmsemi.utils.settings import nearest
from mmsemi.utils.storage import is_address

NAMES = frozenset(
    'methods splits seeds options cfg_options start baseline score csv work_dir'.split()
)
OF_METHOD = frozenset('config origin options cfg_options start score'.split())
ORIGINS = ('published', 'ours')
LISTS = ('labeled_list', 'unlabeled_list', 'train_list')


class Method(NamedTuple):
    """A method of a sweep.

    Attributes:
        name (str): As tables show it.
        config (str): A file, or the name of a shipped config; ``{split}`` in it
            stands for the name of the split, ``{seed}`` for the seed.
        origin (str): 'published' or 'ours'.
        options (dict[str, dict[str, str]]): Settings by the name of an option,
            which ``splits`` and ``cfg_options`` have, too: as text.
        cfg_options (dict[str, str]): Settings of all its cells.
        start (str): Name of the method whose last checkpoint, of the same split
            and seed, its cells start from; '' for none.
        score (str): Which score of ``results.json`` counts.
    """

    name: str
    config: str
    origin: str
    options: dict[str, dict[str, str]]
    cfg_options: dict[str, str]
    start: str
    score: str


class Plan(NamedTuple):
    """The content of a sweep's file.

    Attributes:
        file (Path): The file.
        methods (dict[str, Method]): By name.
        splits (dict[str, dict[str, str]]): Settings by the name of a split; one
            without name if the file has none.
        seeds (tuple[int, ...]): Seeds.
        work_dir (Path): Folder of the cells.
        baseline (str): Method that the others are compared with; '' for none.
        csv (Path): Table of the finished cells.
    """

    file: Path
    methods: dict[str, Method]
    splits: dict[str, dict[str, str]]
    seeds: tuple[int, ...]
    work_dir: Path
    baseline: str
    csv: Path


def read_plan(file: str | Path, work_dir: str | Path | None = None) -> Plan:
    """Read the file of a sweep.

    Args:
        file (str or Path): A config in the sense of MMEngine: Python, JSON or YAML.
        work_dir (str or Path, optional): Folder of the cells, in place of the
            file's own.

    Raises:
        FileNotFoundError: It does not exist.
        ValueError: It cannot be read, or a name or value in it is wrong.
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f'There is no sweep {file}.')
    try:
        content = Config.fromfile(file, import_custom_modules=False).to_dict()
    except Exception as error:  # a config is Python and may raise anything
        raise ValueError(
            f'The sweep {file} cannot be read: {type(error).__name__}: {error}'
        ) from error
    try:
        return _plan(file, content, work_dir)
    except (ValueError, FileNotFoundError) as error:
        raise ValueError(f'{file}: {error}') from error


def _plan(file: Path, content: dict, work_dir: str | Path | None) -> Plan:
    content = {k: v for k, v in content.items() if not k.startswith('_')}
    _check_names(content, NAMES, 'a sweep')
    methods = content.get('methods')
    if not isinstance(methods, dict) or not methods:
        raise ValueError(
            'methods is missing: a dict of names and configs, as in methods = '
            "dict(UniMatch='unimatch/camvid_1-8_r18')."
        )
    seeds = content.get('seeds', (0,))
    seeds = tuple(seeds) if isinstance(seeds, list | tuple) else (seeds,)
    if not seeds or any(type(seed) is not int for seed in seeds):
        raise ValueError(f'seeds={seeds!r} are not whole numbers, as in (0, 1, 2).')
    splits = _splits(content.get('splits'))
    defaults = dict(
        start=content.get('start') or '',
        score=content.get('score', 'mIoU'),
        options=_options(content.get('options') or {}, 'options'),
    )
    common = _settings(content.get('cfg_options') or {}, 'cfg_options')
    found = {
        name: _method(name, value, common, defaults) for name, value in methods.items()
    }
    for method in found.values():
        _check_split(method, splits)
        if method.start and method.start not in found:
            raise ValueError(
                f'start={method.start!r} is none of the methods {", ".join(found)}.'
            )
    _check_starts(found)
    baseline = content.get('baseline') or ''
    if baseline and baseline not in found:
        raise ValueError(
            f'baseline={baseline!r} is none of the methods {", ".join(found)}.'
        )
    place = work_dir or content.get('work_dir') or f'work_dirs/sweep/{file.stem}'
    if is_address(place):
        raise ValueError(
            f'work_dir={place} is an address, but cells need a folder of this machine.'
        )
    folder = Path(place)
    csv = content.get('csv')
    return Plan(
        file,
        found,
        splits,
        seeds,
        folder,
        baseline,
        file.parent / csv if csv else folder / 'results.csv',
    )


def _method(name: str, value: Any, common: dict, defaults: dict) -> Method:
    where = f'methods[{name!r}]'
    value = dict(config=value) if isinstance(value, str) else value
    if not isinstance(value, dict) or not isinstance(value.get('config'), str):
        raise ValueError(
            f'{where} is neither the name of a config nor a dict with config=...'
        )
    _check_names(value, OF_METHOD, where)
    origin = value.get('origin', 'published')
    if origin not in ORIGINS:
        raise ValueError(f'{where}: origin={origin!r} is none of {ORIGINS}.')
    options = defaults['options']
    if 'options' in value:
        own = value['options']
        if isinstance(own, Mapping):
            options = _options(own, f'{where}: options')
        else:
            missing = [each for each in own if each not in options]
            if missing:
                raise ValueError(f'{where}: there are no options {missing[0]!r}.')
            options = {each: options[each] for each in own}
    start = value.get('start', '' if name == defaults['start'] else defaults['start'])
    return Method(
        name,
        value['config'],
        origin,
        options or {'': {}},
        {**common, **_settings(value.get('cfg_options') or {}, where)},
        start or '',
        value.get('score', defaults['score']),
    )


def _splits(splits: Any) -> dict[str, dict[str, str]]:
    if splits is None:
        return {'': {}}
    if isinstance(splits, list | tuple):
        return {str(name): {} for name in splits}
    if not isinstance(splits, dict) or not splits:
        raise ValueError(
            'splits is neither a tuple of names, for configs with {split} in their '
            "name, nor a dict, as in {'1/8': dict(labeled_list='splits/1_8.txt')}."
        )
    found = {}
    for name, value in splits.items():
        value = dict(labeled_list=value) if isinstance(value, str) else dict(value)
        for key in LISTS:
            if key in value:
                value[f'train_dataloader.dataset.{key}'] = value.pop(key)
        found[str(name)] = _settings(value, f'splits[{name!r}]')
    return found


def _options(options: Any, where: str) -> dict[str, dict[str, str]]:
    if not isinstance(options, Mapping):
        raise ValueError(
            f'{where} is no dict of names and settings, as in '
            "{'low': {'model.conf_thresh': 0.7}}."
        )
    for name, value in options.items():
        if not isinstance(value, Mapping):
            raise ValueError(
                f'{where}[{name!r}]={value!r} is no dict of settings. Settings of '
                'all cells are cfg_options.'
            )
    return {
        str(name): _settings(value, f'{where}[{name!r}]')
        for name, value in options.items()
    }


def _settings(values: Mapping, where: str) -> dict[str, str]:
    """Return settings as ``--cfg-options`` takes them.

    Raises:
        ValueError: A value cannot be written on a command line.
    """
    found: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            inner = {f'{key}.{name}': each for name, each in value.items()}
            found |= _settings(inner, where)
            continue
        text = _text(value)
        try:
            same = repr(parse_option(text)) == repr(value)
        except (AssertionError, RecursionError):
            same = False
        if not same:
            raise ValueError(
                f'{where}: {key}={value!r} cannot be written on a command line. '
                'Set it in a config that has the original as its `_base_`, and name '
                'that one.'
            )
        found[str(key)] = text
    return found


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f'[{",".join(map(_text, value))}]'
    if isinstance(value, tuple):
        return f'({",".join(map(_text, value))})'
    return str(value)


def _check_names(content: Mapping, known: frozenset, what: str) -> None:
    for name in content:
        if name not in known:
            raise ValueError(
                f'{name} is no setting of {what}{nearest(name, known) or "."} Known '
                f'are {", ".join(sorted(known))}; a variable of your own begins '
                "with '_'."
            )


def _check_split(method: Method, splits: dict[str, dict[str, str]]) -> None:
    """Check that a method's cells differ from split to split."""
    formatted = '{split}' in method.config
    if formatted and '' in splits:
        raise ValueError(
            f'methods[{method.name!r}]: {method.config!r} has {{split}}, but there '
            "are no splits, as in splits = ('1-16', '1-8')."
        )
    bare = [name for name, settings in splits.items() if name and not settings]
    if bare and not formatted:
        raise ValueError(
            f'splits: {bare[0]!r} has no settings, so that each config has to name '
            f'it, but {method.config!r} lacks {{split}}.'
        )


def _check_starts(methods: Mapping[str, Method]) -> None:
    for method in methods.values():
        seen = [method.name]
        while method.start:
            method = methods[method.start]
            if method.name in seen:
                raise ValueError(f'start: {" -> ".join([*seen, method.name])}.')
            seen.append(method.name)

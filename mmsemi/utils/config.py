"""Read a config with its command line, and resolve the settings in it."""

import argparse
import copy
import os
import os.path as osp
import traceback
from collections.abc import Iterable, Iterator
from typing import Any

from mmengine.config import Config, DictAction
from mmengine.logging import MMLogger

from .cli import add_traceback_argument
from .compat import parse_option
from .parts import LOADERS, check_parts
from .settings import check_names, check_options, overridden
from .shipped import find_config
from .slurm import number_processes
from .storage import is_address
from .strong_view import follow_strong_view, lower_defaults
from .terminal import calm


def resolve_settings(cfg: Config) -> Config:
    """Check a config's names, and complete the parts that follow a setting.

    Every name at the top level must have a reader (:func:`.settings.check_names`).

    A ``data_root`` that replaces that of a base moves the data sets.

    ``crop_size``, a number or (height, width), is the crop of every
    ``RandomScaleCrop`` that names none, and the window of an evaluation in
    windows (``model.test_cfg.mode`` 'slide' or 'windows') that names none, with
    a stride of two thirds.  ``transform_defaults``, {type: {argument: value}},
    gives arguments to every transform of a type.  An argument in a pipeline
    takes precedence.

    ``model.guidance='ema'`` adds an ``EMATeacherHook`` if no hook lends models.

    ``strong_view`` says what strong views may change
    (:func:`.strong_view.follow_strong_view`).

    Parts that a config takes from a base ``mmseg::...`` may be mixed with
    mmsemi's: the scope that MMEngine notes on them is removed, since mmsemi's
    registries find mmseg's classes without one.

    A second call changes nothing; neither does a call on the config that a run
    saves in its work dir.

    Args:
        cfg (Config): The config, which is changed in place.

    Returns:
        Config: The same config.

    Raises:
        ValueError: Nothing reads a name, or nothing follows a setting; the
            crop is missing or is not a size; the stride of windows exceeds
            them.
    """
    for node in _dicts(dict(cfg.items())):
        if node.get('_scope_') in ('mmsemi', 'mmseg'):
            del node['_scope_']
    check_names(cfg)
    check_parts(cfg)
    if old := overridden(cfg, 'data_root'):
        _follow_data_root(cfg, old)
    _add_teacher(cfg)
    lower_defaults(cfg, _name)
    defaults = copy.deepcopy(dict(cfg.get('transform_defaults') or {}))
    crop = cfg.get('crop_size')
    if crop is not None:
        crop = cfg.crop_size = _size('crop_size', crop)
        defaults['RandomScaleCrop'] = dict(
            defaults.get('RandomScaleCrop', {}), crop_size=crop
        )
    followed = set()
    for transform in _typed({k: v for k, v in cfg.items() if k != 'model'}):
        kind = _name(transform['type'])
        for key, value in defaults.get(kind, {}).items():
            if key not in transform:
                transform[key] = copy.deepcopy(value)
            if transform[key] == value:
                followed.add((kind, key))
    for kind, options in defaults.items():
        for key, value in options.items():
            if key != 'crop_size' and (kind, key) not in followed:
                raise ValueError(
                    f'{_file(cfg)}transform_defaults.{kind}.{key}={value!r} is '
                    'followed by no transform: the pipelines have none of this '
                    f'type, or name their own {key}. Change it there.'
                )
    follow_strong_view(cfg, _name)
    windows = _resolve_windows(cfg, crop)
    crops = [t for t in _typed([cfg.get(name) for name in LOADERS]) if _crops(t)]
    if any('crop_size' not in transform for transform in crops):
        raise ValueError(
            f'{_file(cfg)}its pipelines crop, but neither they nor the config '
            'say to which size: set crop_size, as in `--cfg-options crop_size=321`.'
        )
    named = {_size(f'{_name(t["type"])}.crop_size', t['crop_size']) for t in crops}
    if crop and cfg.get('train_dataloader') and crop not in named | windows:
        raise ValueError(
            f'{_file(cfg)}crop_size={crop} is followed by nothing: '
            + (
                f'its pipelines name their own, {", ".join(map(str, sorted(named)))}. '
                'Change those, or remove them for crop_size to take effect.'
                if named
                else 'no pipeline has a RandomScaleCrop. Remove it (crop_size=None).'
            )
        )
    return cfg


def _add_teacher(cfg: Config) -> None:
    """Add the hook that keeps the teacher which ``model.guidance`` asks for."""
    hooks = cfg.get('custom_hooks') or []
    lenders = ('EMATeacherHook', 'PreviousModelsHook')
    if (cfg.get('model') or {}).get('guidance') == 'ema' and not any(
        _name(hook['type']) in lenders for hook in hooks
    ):
        cfg.custom_hooks = [*hooks, dict(type='EMATeacherHook', evaluate=True)]


def _resolve_windows(cfg: Config, crop: tuple[int, int] | None) -> set:
    """Complete the windows of ``model.test_cfg``; return their sizes."""
    test_cfg = (cfg.get('model') or {}).get('test_cfg') or {}
    if test_cfg.get('mode') not in ('slide', 'windows'):
        return set()
    if 'crop_size' not in test_cfg and crop:
        test_cfg['crop_size'] = crop
        test_cfg.setdefault('stride', tuple(max(side * 2 // 3, 1) for side in crop))
    for key in ('crop_size', 'stride'):
        if test_cfg.get(key) is not None:
            test_cfg[key] = _size(f'model.test_cfg.{key}', test_cfg[key])
    window, stride = test_cfg.get('crop_size'), test_cfg.get('stride')
    if (
        window
        and stride
        and any(step > side for step, side in zip(stride, window, strict=True))
    ):
        raise ValueError(
            f'model.test_cfg.stride={stride} is larger than the window of {window}: '
            'pixels between windows would have no prediction. Lower it.'
        )
    return {window} if window else set()


def _typed(node: Any) -> Iterator[dict]:
    """Yield every dict below ``node`` that has a ``type``."""
    return (found for found in _dicts(node) if 'type' in found)


def _dicts(node: Any) -> Iterator[dict]:
    """Yield ``node``, if it is a dict, and every dict below it."""
    if isinstance(node, dict):
        yield node
        node = node.values()
    elif not isinstance(node, list | tuple):
        return
    for child in node:
        yield from _dicts(child)


def _name(kind: str | type) -> str:
    """Return the name of a class, without scope or module."""
    return kind.__name__ if isinstance(kind, type) else str(kind).rpartition('.')[2]


def _crops(transform: dict) -> bool:
    return 'crop_size' in transform or _name(transform['type']) == 'RandomScaleCrop'


def _size(name: str, value: Any) -> tuple[int, int]:
    """Return (height, width) for a number or a pair.

    Raises:
        ValueError: It is neither.
    """
    pair = tuple(value) if isinstance(value, list | tuple) else (value, value)
    if len(pair) != 2 or any(type(side) is not int or side < 1 for side in pair):
        raise ValueError(
            f'{name}={value!r} is neither a positive whole number nor a pair of '
            'them, (height, width), as in 321 or (321, 321).'
        )
    return pair


def _file(cfg: Config) -> str:
    return f'{cfg.filename}: ' if cfg.filename else ''


class OptionsAction(DictAction):
    """Parse ``KEY=VALUE`` as :func:`parse_options` does."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        options = dict(getattr(namespace, self.dest, None) or {})
        try:
            options.update(parse_options(values))
        except ValueError as error:
            parser.error(str(error))
        setattr(namespace, self.dest, options)


def parse_options(options: Iterable[str]) -> dict[str, Any]:
    """Parse settings ``KEY=VALUE`` as MMEngine does, but keep file names unchanged.

    MMEngine removes blanks from every value and splits it at commas.  A
    ``data_root`` and values that name an existing file are taken literally.

    Raises:
        ValueError: One is not of this form, or its brackets do not match.
    """
    parsed: dict[str, Any] = {}
    for option in options:
        key, is_one, value = option.partition('=')
        if not is_one:
            raise ValueError(f'{option!r} is not of the form KEY=VALUE')
        if key == 'data_root' or (set(value) & set(' ,()[]') and osp.exists(value)):
            parsed[key] = value
            continue
        try:
            parsed[key] = parse_option(value)
        except (AssertionError, RecursionError):
            raise ValueError(f'the brackets of {option!r} do not match') from None
    return parsed


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that all tools which run a config share with mmseg's."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        help='settings that override the config, KEY=VALUE with dots in KEY; '
        'lists as KEY="[a,b]" or KEY=a,b. `data_root=FOLDER` moves all data '
        'sets of the config.',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='job launcher',
    )
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='load checkpoints that contain more than tensors, numbers and text; '
        'they can run any code, so use this for your own files only',
    )
    add_traceback_argument(parser)
    # torch.distributed.launch passes --local-rank, torchrun the variable.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def load_config(args: argparse.Namespace) -> Config:
    """Read a config, apply the command line and resolve its settings.

    Sets ``TORCH_HOME`` below ``MMSEMI_DATA``, if only the latter is set, so
    that downloaded weights are stored there.

    Args:
        args (Namespace): ``config``, the arguments of
            :func:`add_config_arguments`, and ``work_dir`` if the tool has it.

    Returns:
        Config: With ``launcher`` and ``work_dir`` set.  Of a ``work_dir`` that is
        an address, this is ``upload_to``, and ``work_dir`` a folder of this machine.

    Raises:
        FileNotFoundError: There is no such config.
        ValueError: The config cannot be read, or an option cannot be merged
            into it or has no reader; ``MMSEMI_DATA`` contains characters that
            would break the text of a config; what :func:`resolve_settings`
            raises.
    """
    data = os.environ.get('MMSEMI_DATA', '')
    if not data:  # MMEngine uses a config's default only if it is unset
        os.environ.pop('MMSEMI_DATA', None)
    if set(data) & set('\'"\\\n\r'):
        raise ValueError(
            f'MMSEMI_DATA={data!r} contains a quote, backslash or line break, '
            'which would break the text of a config. Link the folder under '
            'another name.'
        )
    if args.launcher == 'slurm':
        number_processes()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if os.environ.get('MMSEMI_DATA'):
        os.environ.setdefault(
            'TORCH_HOME', osp.join(os.environ['MMSEMI_DATA'], 'pretrained')
        )
    # MMEngine notes each variable that it fills in, as each of several processes does.
    cfg = read_config(args.config)
    cfg.launcher = args.launcher
    options = args.cfg_options or {}
    check_options(cfg, options)
    try:
        cfg.merge_from_dict(options)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f'--cfg-options cannot be merged into {args.config}: {error.args[0]}'
        ) from error
    resolve_settings(cfg)
    if 'data_root' in options:
        _move_data(cfg, options['data_root'])
    if getattr(args, 'trust_checkpoint', False):
        cfg.trust_checkpoint = True
    work_dir = getattr(args, 'work_dir', None)
    if work_dir is not None:
        cfg.work_dir = work_dir
        cfg.upload_to = None
    elif cfg.get('work_dir') is None:
        cfg.work_dir = default_work_dir(args.config)
    if is_address(cfg.work_dir):
        cfg.upload_to, cfg.work_dir = cfg.work_dir, local_folder(cfg.work_dir)
    return cfg


def read_config(file: str | os.PathLike) -> Config:
    """Read a config, given by its path or by the name of a shipped one.

    Raises:
        FileNotFoundError: It does not exist.
        ValueError: It is no config, or its Python fails; the message names the
            line.
    """
    calm(MMLogger.get_current_instance())
    file = find_config(file)
    try:
        return Config.fromfile(file)
    except Exception as error:  # a config is Python and may raise anything
        frames = traceback.extract_tb(error.__traceback__)
        lines = [f for f in frames[1:] if f.name == '<module>']
        where = f'{lines[-1].filename}, line {lines[-1].lineno}: ' if lines else ''
        cause: BaseException = error
        while cause.__cause__ or cause.__context__:
            cause = cause.__cause__ or cause.__context__
        raise ValueError(
            f'The config {file} cannot be read: {where}{type(cause).__name__}: {cause}'
        ) from error


def local_folder(address: str) -> str:
    """Return ``work_dirs/s3/bucket/run``, where a run at ``s3://bucket/run`` works.

    Raises:
        ValueError: The address leads into no folder of its own.
    """
    protocol, _, path = address.partition('://')
    parts = [part for part in path.split('/') if part]
    if not parts or {'.', '..'} & {*parts}:
        raise ValueError(f'--work-dir {address} is no folder at an address.')
    return osp.join('work_dirs', protocol, *parts)


def default_work_dir(config: str) -> str:
    """Return ``work_dirs/METHOD/NAME``: methods share the names of configs."""
    folder, name = osp.split(osp.abspath(config))
    return osp.join('work_dirs', osp.basename(folder), osp.splitext(name)[0])


def _datasets(cfg: Config) -> Iterator[dict]:
    """Yield the data sets of a config's loaders, also those inside wrappers."""
    waiting = [(cfg.get(loader) or {}).get('dataset') for loader in LOADERS]
    while waiting:
        dataset = waiting.pop()
        if not isinstance(dataset, dict):
            continue
        inner = dataset.get('datasets', dataset.get('dataset'))
        if inner is None:
            yield dataset
        else:
            waiting += inner if isinstance(inner, list | tuple) else [inner]


def _move_data(cfg: Config, data_root: str) -> None:
    """Set the data root of every data set in the config."""
    for dataset in _datasets(cfg):
        dataset['data_root'] = data_root


def _follow_data_root(cfg: Config, base: str) -> None:
    """Move the data sets that have the data root of a base to the config's own."""
    roots = {dataset.get('data_root') for dataset in _datasets(cfg)}
    old = None
    if osp.isfile(base):
        old = Config.fromfile(base, import_custom_modules=False).get('data_root')
    elif len(roots) == 1:
        (old,) = roots
    for dataset in _datasets(cfg):
        if dataset.get('data_root') == old:
            dataset['data_root'] = cfg.data_root

"""From a command line to a config."""

import argparse
import os
import os.path as osp

from mmengine.config import Config, DictAction

from .compat import parse_option


class OptionsAction(DictAction):
    """MMEngine's ``KEY=VALUE``, with names of files as they are.

    MMEngine takes blanks out of every value and parts it at commas; here it
    does not where the value is a ``data_root``, or the name of a file.
    """

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        options = dict(getattr(namespace, self.dest, None) or {})
        for option in values:
            key, is_one, value = option.partition('=')
            if not is_one:
                parser.error(f'{option!r} is no KEY=VALUE')
            if key == 'data_root' or (set(value) & set(' ,()[]') and osp.exists(value)):
                options[key] = value
                continue
            try:
                options[key] = parse_option(value)
            except (AssertionError, RecursionError):
                parser.error(f'the brackets of {option!r} do not match')
        setattr(namespace, self.dest, options)


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that all tools which run a config share with mmseg's."""
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
        help='load checkpoints that hold more than tensors, numbers and text; '
        'they can run any code: for files of your own only',
    )
    # torch.distributed.launch passes --local-rank, torchrun the variable.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def load_config(args: argparse.Namespace) -> Config:
    """Read a config and apply the command line.

    Weights that it names by an address are downloaded to below
    ``MMSEMI_DATA``, where that is set and PyTorch's own ``TORCH_HOME`` is not.

    Args:
        args (Namespace): ``config`` and the arguments of
            :func:`add_config_arguments`; ``work_dir`` where there is one.

    Raises:
        FileNotFoundError: There is no such config.
        ValueError: ``MMSEMI_DATA`` has letters that no config can take.
    """
    if not osp.isfile(args.config):
        raise FileNotFoundError(f'There is no config {args.config}.')
    data = os.environ.get('MMSEMI_DATA', '')
    if not data:  # MMEngine takes no default for an empty one
        os.environ.pop('MMSEMI_DATA', None)
    if set(data) & set('\'"\\\n\r'):
        raise ValueError(
            f'MMSEMI_DATA={data!r} has a quote, backslash or line break, and '
            'configs are Python text: link the folder under another name.'
        )
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if os.environ.get('MMSEMI_DATA'):
        os.environ.setdefault(
            'TORCH_HOME', osp.join(os.environ['MMSEMI_DATA'], 'pretrained')
        )
    cfg = Config.fromfile(args.config)
    cfg.launcher = args.launcher
    options = args.cfg_options or {}
    cfg.merge_from_dict(options)
    if 'data_root' in options:
        _move_data(cfg, options['data_root'])
    if getattr(args, 'trust_checkpoint', False):
        cfg.trust_checkpoint = True
    work_dir = getattr(args, 'work_dir', None)
    if work_dir is not None:
        cfg.work_dir = work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = default_work_dir(args.config)
    return cfg


def default_work_dir(config: str) -> str:
    """``work_dirs/METHOD/NAME``: names recur from method to method."""
    folder, name = osp.split(osp.abspath(config))
    return osp.join('work_dirs', osp.basename(folder), osp.splitext(name)[0])


def _move_data(cfg: Config, data_root: str) -> None:
    """Set the data root of every data set of the config."""
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        dataset: dict | None = cfg.get(loader, {}).get('dataset')
        if dataset is not None:
            dataset['data_root'] = data_root

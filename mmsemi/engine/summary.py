"""Say what a run trains on what, and where everything lies."""

import os.path as osp
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import get_world_size
from mmengine.runner import IterBasedTrainLoop, Runner

from mmsemi.datasets import SelfTrainingDataset, SemiSampler, SemiSegDataset
from mmsemi.utils.compat import resumes_from
from mmsemi.utils.invocation import command
from mmsemi.utils.settings import find_key
from mmsemi.utils.terminal import near

from .unwrap import student, units


def describe_training(runner: Runner) -> list[tuple[str, str]]:
    """Describe what a run trains on what, and for how long.

    Args:
        runner (Runner): Ready to train.

    Returns:
        list[tuple[str, str]]: Names and texts, which may be empty.
    """
    return [
        ('method', type(student(runner)).__name__),
        ('network', _network(runner)),
        ('weights', _weights(runner)),
        ('images', _images(runner)),
        ('data', _data(runner)),
        ('classes', _classes(runner)),
        ('crop', _crop(runner)),
        ('batch', _batch(runner)),
        ('device', _device(runner)),
        ('length', _length(runner)),
        ('work dir', near(runner.work_dir)),
    ]


def _network(runner: Runner) -> str:
    network = student(runner)
    parts = [type(getattr(network, part, None)) for part in ('decode_head', 'backbone')]
    # PyTorch renames classes when it shards.
    names = ' on '.join(
        part.__name__.removeprefix('FSDP') for part in parts if part is not type(None)
    )
    depth = getattr(getattr(network, 'backbone', None), 'depth', None)
    if isinstance(depth, int):
        names += f'-{depth}'
    millions = sum(p.numel() for p in network.parameters()) / 1e6
    return f'{names}, {millions:.1f} M parameters'


def _weights(runner: Runner) -> str:
    if file := resumes_from(runner):
        return f'resumed from {near(file)}'
    if file := runner.cfg.get('load_from'):
        return f'from {file}'
    found = {
        str(value)
        for path, value in find_key({'model': runner.cfg.model}, 'checkpoint')
        if 'init_cfg' in path
    }
    found |= {str(v) for _, v in find_key({'m': runner.cfg.model}, 'pretrained') if v}
    return f'pretrained: {", ".join(sorted(found))}' if found else 'random'


def _images(runner: Runner) -> str:
    dataset = runner.train_dataloader.dataset
    if isinstance(dataset, SelfTrainingDataset):
        counts = [f'{len(dataset.labeled)} labeled']
        if dataset.repeats > 1:
            counts[0] += f', each {dataset.repeats} times'
        if dataset.pseudo:
            counts.append(f'{len(dataset.pseudo)} pseudo-labeled')
    elif isinstance(dataset, SemiSegDataset):
        counts = [f'{dataset.num_labeled} labeled']
        if dataset.num_unlabeled:
            text = f'{dataset.num_unlabeled} unlabeled'
            sampler = runner.train_dataloader.sampler
            used = getattr(sampler, 'unlabeled_per_sample', 1)
            counts.append(text if used else f'{text} that are not used')
    else:
        counts = [f'{len(dataset)} for training']
    if runner.val_loop is not None:
        counts.append(f'{len(runner.val_dataloader.dataset)} for validation')
    return ', '.join(counts)


def _data(runner: Runner) -> str:
    dataset = runner.train_dataloader.dataset
    root = getattr(getattr(dataset, 'labeled', dataset), 'data_root', None)
    return near(root) if root else ''


def _classes(runner: Runner) -> str:
    names = (getattr(runner.train_dataloader.dataset, 'metainfo', None) or {}).get(
        'classes', ()
    )
    shown = ', '.join(map(str, names[:8])) + (', ...' if len(names) > 8 else '')
    return f'{len(names)} ({shown})' if names else ''


def _crop(runner: Runner) -> str:
    dataset = runner.cfg.get('train_dataloader', {}).get('dataset', {})
    sizes = {
        tuple(size) if isinstance(size, list | tuple) else (size, size)
        for _, size in find_key({'dataset': dataset}, 'crop_size')
        if size
    }
    return ', '.join('x'.join(map(str, size)) for size in sorted(sizes)) + (
        ' pixels' if sizes else ''
    )


def _batch(runner: Runner) -> str:
    loader = runner.train_dataloader
    each = loader.batch_size or 1
    if isinstance(loader.sampler, SemiSampler):
        sampler = loader.sampler
        counts = dict(
            labeled=sampler.labeled_per_sample, unlabeled=sampler.unlabeled_per_sample
        )
        text = ' + '.join(f'{each * n} {what}' for what, n in counts.items() if n)
    else:
        text = f'{each} images'
    if (processes := get_world_size()) > 1:
        text += f', on each of {processes} processes'
    steps = (runner.cfg.get('optim_wrapper') or {}).get('accumulative_counts', 1)
    return text + (f', an update every {steps} steps' if steps > 1 else '')


def _device(runner: Runner) -> str:
    device = next(student(runner).parameters()).device
    threads = torch.get_num_threads()
    name = f'CPU, {threads} thread{"s" * (threads > 1)}'
    if device.type == 'cuda':
        name = torch.cuda.get_device_name(device)
    elif device.type != 'cpu':
        name = device.type
    if (processes := get_world_size()) > 1:
        name = f'{processes} x {name}'
    if units(student(runner)):
        name += ', weights sharded'
    cast = getattr(runner.optim_wrapper, 'cast_dtype', None)
    mixed = 'Autocast' in type(runner.optim_wrapper).__name__ or cast
    dtype = str(cast).removeprefix('torch.') if cast else '16 bit'
    return f'{name}, {f"mixed precision ({dtype})" if mixed else "float32"}'


def _length(runner: Runner) -> str:
    steps = f'{runner.max_iters} steps'
    if isinstance(runner.train_loop, IterBasedTrainLoop):
        text = steps
    else:
        each = len(runner.train_dataloader)
        epochs = runner.max_epochs
        text = f'{epochs} epoch{"s" * (epochs > 1)} of {each} steps'
        text += f', {steps}' if epochs > 1 else ''
    if runner.iter:
        text += f', of which {runner.iter} are done'
    if runner.val_loop is not None:
        unit = 'steps' if text == steps else 'epochs'
        every = runner.train_loop.val_interval
        many = f'{every} {unit}' if every > 1 else unit.removesuffix('s')
        text += f'; validation every {many}'
    return text


def describe_places(
    runner: Runner, with_next: bool = True
) -> list[tuple[str, str | None]]:
    """List where the files of a training are, and the commands that come next.

    Args:
        runner (Runner): Has trained.
        with_next (bool): Name the next command.  Defaults to True.

    Returns:
        list[tuple]: Names and places; None for what is not there.
    """
    work_dir, log_dir = Path(runner.work_dir), Path(runner.log_dir)
    info = runner.message_hub.runtime_info
    best, last = info.get('best_ckpt'), info.get('last_ckpt')
    data = log_dir / 'vis_data'
    curves = any(data.glob('events.out.tfevents.*'))
    return [
        ('best checkpoint', best and near(best)),
        ('last checkpoint', last and near(last)),
        ('scores', _existing(work_dir / 'results.json')),
        ('pictures', _existing(data / 'vis_image')),
        ('curves', f'tensorboard --logdir {near(work_dir)}' if curves else None),
        ('log', _existing(log_dir / f'{runner.timestamp}.log')),
        ('next', next_command(runner.cfg, best or last) if with_next else None),
    ]


def describe_test(runner: Runner) -> list[tuple[str, str | None]]:
    """List where the files of a test are.

    Args:
        runner (Runner): Has tested.

    Returns:
        list[tuple]: Names and places; None for what is not there.
    """
    log_dir = Path(runner.log_dir)
    return [
        ('scores', _existing(Path(runner.work_dir) / 'test_results.json')),
        ('log', _existing(log_dir / f'{runner.timestamp}.log')),
    ]


def next_command(cfg: Config, checkpoint: str | None) -> str | None:
    """Return the command that predicts with a trained network.

    Args:
        cfg (Config): Of the training, which has written it to its work dir.
        checkpoint (str, optional): The network.

    Returns:
        str: None without a checkpoint or the written config.
    """
    config = Path(cfg.work_dir, osp.basename(cfg.filename or ''))
    if not checkpoint or not config.is_file():
        return None
    words = f'{near(config)} {near(checkpoint)} --out-dir OUT_DIR'
    return f'{command("predict")} IMAGES {words}'


def _existing(path: Path) -> str | None:
    return near(path) if path.exists() else None

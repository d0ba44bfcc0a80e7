"""A work dir at an address: the run works in a folder, of which a copy is kept."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config

from mmsemi.engine.hooks.upload_hook import MIRROR
from mmsemi.utils.storage import is_address
from mmsemi.utils.storage.mirror import Mirror
from mmsemi.utils.terminal import say

# Number of this process in the environment that a launcher sets.
RANKS = dict(pytorch='RANK', slurm='SLURM_PROCID', mpi='OMPI_COMM_WORLD_RANK')


@contextmanager
def kept_at_address(cfg: Config, resume: bool, adds: bool = False) -> Iterator[None]:
    """Copy what the block writes into the work dir to ``cfg.upload_to``, if it is set.

    The first process of a run uploads, all others only fetch.

    Args:
        cfg (Config): It gets a hook that ends the run when the address cannot be
            reached.
        resume (bool): Fetch what an earlier run has left there.
        adds (bool): Fetch it also without ``resume``, as the block adds to it.
            Defaults to False: an earlier run there is an error.

    Raises:
        FileExistsError: There is an earlier run.
        OSError: The address cannot be reached, before the block or in it.
        ValueError: ``upload_to`` is no address.
    """
    address = cfg.get('upload_to')
    if not address:
        yield
        return
    if not is_address(address):
        raise ValueError(f'upload_to={address!r} is no address, as s3://bucket/run is.')
    mirror = Mirror(Path(cfg.work_dir), address)
    if resume or adds:
        mirror.fetch()
    elif mirror.holds_files():
        raise FileExistsError(
            f'{address} holds an earlier run. Continue it with `--resume`, or name '
            'another --work-dir.'
        )
    if os.environ.get(RANKS.get(cfg.get('launcher', 'none'), ''), '0') != '0':
        yield
        return
    hook = dict(type='UploadHook')
    cfg.custom_hooks = [h for h in cfg.get('custom_hooks') or () if h != hook]
    cfg.custom_hooks.append(hook)
    mirror.start()
    token = MIRROR.set(mirror)
    try:
        yield
    except BaseException:
        if mirror.error is None:
            _upload_rest(mirror)
        raise
    finally:
        MIRROR.reset(token)
    mirror.stop()
    say(f'{cfg.work_dir} is at {address}, too.')


def _upload_rest(mirror: Mirror) -> None:
    """Upload what a run has left that ends for another reason."""
    try:
        mirror.stop()
    except OSError as error:
        say(f'warning: {error}')

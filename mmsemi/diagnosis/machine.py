"""Memory, disk, shared memory, files and permissions."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .finding import Finding

AREA = 'Machine'
SHARED = Path('/dev/shm')
LIMIT = Path('/sys/fs/cgroup/memory.max')  # bytes, or "max"
USED = Path('/sys/fs/cgroup/memory.current')
GIB = 2**30
# What makes a warning, in GiB; below a tenth of it on the disk, an error.
MEMORY, DISK, SHARED_MEMORY = 4, 5, 1
FILES = 1024


def machine() -> Iterator[Finding]:
    """Look at what a training takes from the machine."""
    yield from _memory()
    yield from _shared_memory()
    yield from _open_files()
    yield from folders('here', Path.cwd(), 'change to a folder of your own')
    yield from folders(
        'temporary files', Path(tempfile.gettempdir()), 'set TMPDIR to another folder'
    )


def _memory() -> Iterator[Finding]:
    free, total = memory()
    if not total:
        return
    text = f'{free / GIB:.1f} of {total / GIB:.1f} GiB free'
    if free < MEMORY * GIB:
        cure = (
            'end other programs, or use fewer loader workers and a smaller batch: '
            '--cfg-options train_dataloader.num_workers=1 total_batch_size=4'
        )
        yield Finding(AREA, 'memory', 'warning', text, cure)
    else:
        yield Finding(AREA, 'memory', 'ok', text)


def memory() -> tuple[int, int]:
    """Return free and total memory in bytes, in a container its own; 0 if unknown."""
    try:
        page = os.sysconf('SC_PAGE_SIZE')
        free = page * os.sysconf('SC_AVPHYS_PAGES')
        total = page * os.sysconf('SC_PHYS_PAGES')
    except (AttributeError, ValueError, OSError):  # Windows, macOS
        return 0, 0
    try:  # memory that files occupy is free for others
        lines = Path('/proc/meminfo').read_text().splitlines()
        fields = dict(line.split(':') for line in lines)
        free = 1024 * int(fields['MemAvailable'].split()[0])
    except (OSError, KeyError, ValueError):
        pass
    try:
        limit, used = int(LIMIT.read_text()), int(USED.read_text())
    except (OSError, ValueError):  # no container, or no limit
        return free, total
    return (min(free, limit - used), limit) if limit < total else (free, total)


def _shared_memory() -> Iterator[Finding]:
    if not SHARED.is_dir():
        return
    usage = shutil.disk_usage(SHARED)
    text = f'{usage.free / GIB:.1f} of {usage.total / GIB:.1f} GiB free in {SHARED}'
    if usage.free < SHARED_MEMORY * GIB:
        cure = (
            'loader workers pass images through it: in Docker --shm-size=8g or '
            '--ipc=host, or --cfg-options train_dataloader.num_workers=0 '
            'train_dataloader.persistent_workers=False'
        )
        yield Finding(AREA, 'shared memory', 'warning', text, cure)
    else:
        yield Finding(AREA, 'shared memory', 'ok', text)


def _open_files() -> Iterator[Finding]:
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = soft == resource.RLIM_INFINITY
    text = 'no limit' if unlimited else f'{soft} at once'
    if not unlimited and soft < FILES:
        most = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
        yield Finding(
            AREA, 'open files', 'warning', f'{text}: few', f'ulimit -n {most}'
        )
    else:
        yield Finding(AREA, 'open files', 'ok', text)


def folders(name: str, folder: Path, cure: str, area: str = AREA) -> Iterator[Finding]:
    """Look whether a folder, which need not exist yet, can be written to.

    Args:
        name (str): What it is for.
        folder (Path): The folder.
        cure (str): What to do if it cannot.
        area (str): Heading.
    """
    there = next(f for f in (folder, *folder.absolute().parents) if f.exists())
    if fault := _write_fault(there):
        yield Finding(area, name, 'error', f'{there}: {fault}', cure)
        return
    free = shutil.disk_usage(there).free
    text = f'{folder}: can be written, {free / GIB:.1f} GiB free'
    if free < DISK * GIB:
        state = 'error' if free < DISK * GIB / 10 else 'warning'
        yield Finding(area, name, state, text, f'free space, or {cure}')
    else:
        yield Finding(area, name, 'ok', text)


def _write_fault(folder: Path) -> str | None:
    """Write a file into a folder, and remove it; return what went wrong."""
    if not folder.is_dir():
        return 'is a file'
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b'mmsemi')
    except OSError as error:
        return error.strerror or str(error)
    return None

"""Kill a labeling on two machines, again and again, and continue it.

``python -m tests.stress.kill_labeling FOLDER --kills 5`` labels tiny images with two
launchers (``--nnodes 2``, on this machine) of two processes each.  Each kill ends one
machine, in turn, and after a second the other, both with SIGKILL; each start that
follows has another number of processes.  At the end, masks and list equal those of
one process that nothing disturbed, byte for byte, and no mask was written twice.
A process that is killed while it writes leaves the beginning of a file under a hidden
name; these are counted.
"""

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmsemi.registry import MODELS
from tests.helpers.runs import make_tiny_data
from tests.helpers.tools import ROOT, TINY


def prepare(folder: Path, images: int) -> None:
    """Write images, their list, and a checkpoint with random weights."""
    data = folder / 'data'
    data.mkdir(parents=True)
    make_tiny_data(data)
    (data / 'more').mkdir()
    for i in range(images):
        (data / f'more/{i}.png').hardlink_to(data / f'images/train/{i % 8}.png')
    lines = (f'more/{i}.png\n' for i in range(images))
    (data / 'list.txt').write_text(''.join(lines))
    init_default_scope('mmsemi')
    network = MODELS.build(Config.fromfile(TINY).model)
    torch.save(dict(state_dict=network.state_dict()), folder / 'network.pth')


def start(folder: Path, out: str, *options: str) -> subprocess.Popen:
    """Start a labeling in a group of processes of its own."""
    words = [
        *(sys.executable, '-m', 'mmsemi', 'predict', folder / 'data/list.txt', TINY),
        *(folder / 'network.pth', '--cfg-options', f'data_root={folder / "data"}'),
        *(
            '--no-colors',
            '--out-dir',
            folder / out,
            '--save-list',
            folder / f'{out}.txt',
        ),
    ]
    env = dict(os.environ, OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='-1')
    return subprocess.Popen(
        [*map(str, words), *options], cwd=ROOT, env=env, start_new_session=True
    )


def start_machines(folder: Path, processes: int) -> list[subprocess.Popen]:
    """Start the launchers of two machines."""
    with socket.socket() as free:
        free.bind(('', 0))
        port = str(free.getsockname()[1])
    shared = '--nnodes', '2', '--nproc', str(processes), '--master-port', port
    return [start(folder, 'killed', *shared, '--node-rank', str(i)) for i in (0, 1)]


def end(launcher: subprocess.Popen) -> None:
    """Kill a launcher and all that it started."""
    children = subprocess.run(
        ['ps', '-o', 'pid=', '--ppid', str(launcher.pid)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    for process in (launcher.pid, *map(int, children)):
        os.kill(process, signal.SIGKILL)
    launcher.wait()


def written(folder: Path) -> dict[Path, int]:
    """Return the masks with the times of their writing."""
    masks = folder / 'killed/masks'
    return {file: file.stat().st_mtime_ns for file in masks.rglob('[!.]*.png')}


def content(folder: Path, out: str) -> dict[str, bytes]:
    """Return what a labeling has left, with its list."""
    files = [*(folder / out).rglob('[!.]*.*'), folder / f'{out}.txt']
    return {
        str(file.relative_to(folder)).replace(out, ''): file.read_bytes().replace(
            out.encode(), b''
        )
        for file in files
    }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path)
    parser.add_argument('--kills', type=int, default=5)
    parser.add_argument('--images', type=int, default=3000)
    args = parser.parse_args()
    folder = args.folder.absolute()
    prepare(folder, args.images)
    assert start(folder, 'whole').wait() == 0
    twice = 0
    for kill in range(args.kills):
        before = written(folder)
        machines = start_machines(folder, 1 + kill % 2)
        wanted = len(before) + random.randint(1, args.images // (args.kills + 1))
        while len(written(folder)) < wanted:
            time.sleep(0.1)
        end(machines[kill % 2])
        time.sleep(1)
        end(machines[1 - kill % 2])
        after = written(folder)
        twice += sum(after[file] != before[file] for file in before)
        print(f'kill {kill + 1}: {len(after)} masks', flush=True)
    assert [machine.wait() for machine in start_machines(folder, 2)] == [0, 0]
    same = content(folder, 'killed') == content(folder, 'whole')
    print(
        f'{args.kills} kills of two machines: the same files: {same}; masks written '
        f'again: {twice}; cut off: {len([*(folder / "killed").rglob(".*")])}.'
    )


if __name__ == '__main__':
    main()

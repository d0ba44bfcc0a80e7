"""Two machines: network namespaces that a cable joins, or this machine twice."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.stress.by_command import environment

PATIENCE = 600  # seconds after which a process is killed, whatever it does
CABLE = [f'mmsemi{i}' for i in range(2)]
ADDRESSES = ('10.99.0.1', '10.99.0.2')


class Machine:
    """A machine: a network namespace, or this machine itself.

    Args:
        number (int): Its number.
        folder (Path): For its output.
        alone (bool): Whether it is a namespace.
    """

    def __init__(self, number: int, folder: Path, alone: bool) -> None:
        self.number, self.folder = number, folder
        self.prefix = ['ip', 'netns', 'exec', CABLE[number]] if alone else []
        self.address = ADDRESSES[0] if alone else '127.0.0.1'
        self.process: subprocess.Popen | None = None
        self.since = 0.0

    def start(self, name: str, *command: object, **env: str) -> None:
        """Start a command; its output is in FOLDER/NAME_NUMBER.txt."""
        self.output = self.folder / f'{name}_{self.number}.txt'
        # GLOO_SOCKET_IFNAME: on loopback and in a namespace, names lead elsewhere.
        device = CABLE[self.number] if self.prefix else 'lo'
        words = [*self.prefix, 'timeout', '-s', 'KILL', str(PATIENCE), *command]
        self.process = subprocess.Popen(
            [str(word) for word in words],
            cwd=self.folder,
            env={
                **os.environ,
                **environment(),
                'GLOO_SOCKET_IFNAME': device,
                'PYTHON': sys.executable,
                **env,
            },
            stdout=self.output.open('w'),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait for the end of the command; return its status."""
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End all processes of the machine at once, as a power failure does."""
        for each in (self.process.pid, *self._descendants()):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self.process.wait()

    def workers(self) -> list[int]:
        """Return the numbers of the training processes of the machine."""
        parents = self._descendants()
        return [pid for pid in parents if pid not in parents.values()]

    def _descendants(self) -> dict[int, int]:
        """Return the parent of each process below the one that was started."""
        listed = subprocess.run(
            ['ps', '-eo', 'pid=,ppid='], capture_output=True, text=True
        ).stdout
        parents = dict(tuple(map(int, row.split())) for row in listed.splitlines())
        below: dict[int, int] = {}
        reached = {self.process.pid}
        while reached:
            found = {pid: up for pid, up in parents.items() if up in reached}
            below.update(found)
            reached = set(found)
        return below

    def said(self) -> str:
        """Return what it printed."""
        return self.output.read_text()


@contextmanager
def namespaces() -> Iterator[bool]:
    """Join two network namespaces; yield whether that is permitted."""
    commands = [
        *(f'ip netns add {name}' for name in CABLE),
        f'ip link add {CABLE[0]} netns {CABLE[0]} type veth peer {CABLE[1]} '
        f'netns {CABLE[1]}',
        *(
            f'ip -n {name} {rest}'
            for name, address in zip(CABLE, ADDRESSES, strict=True)
            for rest in (
                'link set lo up',
                f'addr add {address}/24 dev {name}',
                f'link set {name} up',
            )
        ),
    ]
    has_ip = bool(shutil.which('ip'))
    try:
        yield has_ip and not any([_call(command) for command in commands])
    finally:
        for name in CABLE if has_ip else ():
            _call(f'ip netns del {name}')


def _call(command: str) -> int:
    return subprocess.run(command.split(), capture_output=True).returncode

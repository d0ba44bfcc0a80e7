"""Bring the machines of a run together, at its start and after each failure.

PyTorch has two ways.  The one that takes the number and the address of a machine
from the command line says nothing if they are wrong and cannot start machines again;
the other one finds them out by itself, which needs names that all machines resolve.
"""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from torch.distributed import DistError, PrefixStore, Store, TCPStore
from torch.distributed.elastic.rendezvous import (
    RendezvousHandler,
    RendezvousInfo,
    RendezvousParameters,
    RendezvousStoreInfo,
    rendezvous_handler_registry,
)

from .processes import SINCE, Processes

BACKEND = 'mmsemi'
PORT = 29500  # torchrun's own
QUIET = 10  # seconds of waiting until this is said
CONNECT = 20  # seconds in which machine 0 must answer, once it is reached
LINGER = 10  # seconds in which the others can read why a machine has ended


class Machines(RendezvousHandler):
    """Let machines meet, as often as their processes are started.

    Machine 0 has the store that all use.  A round begins when every machine has
    joined it.  One whose process failed joins the next; the others notice, and join
    it as well.

    Args:
        processes (Processes): How many, and where.
    """

    use_agent_store = True  # the processes connect through the same store

    def __init__(self, processes: Processes) -> None:
        self._asked = processes
        self._store: Store | None = None
        self._processes: Store | None = None
        self._port = processes.master_port or (PORT if processes.nnodes > 1 else 0)
        self._round = 0
        self._where = f'{processes.master_addr}:{self._port}'

    def next_rendezvous(self) -> RendezvousInfo:
        """Join the next round, and wait for the others.

        Raises:
            RuntimeError: Others do not come, or have ended.
            ValueError: They were started with other numbers, or two with the same.
        """
        asked = self._asked
        if self._store is None:
            self._store = self._connect()
        with self._talking() as store:
            number = store.add('rounds', 0) + 1
            if number > 1 and not asked.max_restarts:
                raise ValueError(
                    f'The run at {self._where} has begun already, with a machine of '
                    f'--node-rank {asked.node_rank}.'
                )
            if self._round:
                self._say_restart(number - 1)
            self._join(store, number)
            if asked.node_rank == 0:
                store.set(f'{number}/port', str(self._port_of(number)))
                self._wait(
                    lambda: store.add(f'{number}/joined', 0) >= asked.nnodes,
                    lambda: self._missing(store, number),
                )
                store.add('rounds', 1)
            else:
                self._wait(
                    lambda: store.add('rounds', 0) >= number,
                    lambda: self._missing(store, number),
                )
            port = int(store.get(f'{number}/port'))
        self._round = number
        return RendezvousInfo(
            PrefixStore(str(number), store),
            asked.node_rank,
            asked.nnodes,
            RendezvousStoreInfo(asked.master_addr, port),
        )

    def num_nodes_waiting(self) -> int:
        """Return how many machines have joined the next round."""
        if not self._asked.max_restarts or self._store is None:
            return 0
        with self._talking() as store:
            return store.add(f'{self._round + 1}/joined', 0)

    def __enter__(self) -> 'Machines':
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, *_: Any) -> None:
        """Tell the others if this machine does not join again."""
        if error is None:
            return
        why = str(error) if isinstance(error, ValueError) else 'it has ended.'
        asked, store = self._asked, self._store
        listen = asked.nnodes > 1 and (asked.max_restarts or not self._round)
        if store is None or not listen:
            return
        with suppress(DistError):  # machine 0 has ended
            store.set('ended', f'Machine {asked.node_rank}: {why}')
            left, until = store.add('left', 1), time.monotonic() + LINGER
            # The store ends with machine 0.
            while not asked.node_rank and left < asked.nnodes:
                if time.monotonic() > until:
                    break
                time.sleep(0.1)
                left = store.add('left', 0)

    def _connect(self) -> Store:
        """Start the store, or connect to that of machine 0."""
        asked, timeout = self._asked, timedelta(seconds=self._asked.join_timeout)
        if asked.node_rank == 0:
            try:
                store = TCPStore(
                    'localhost', self._port, None, True, timeout, wait_for_workers=False
                )
            except DistError as error:
                reason = str(error).partition('\n')[0]
                raise RuntimeError(
                    f'Port {self._port} cannot be opened: {reason} Another run may '
                    'have it; name a free one with --master-port, on all machines.'
                ) from error
            self._port = store.port
            try:
                socket.create_connection((asked.master_addr, self._port), 10).close()
            except OSError as error:
                raise ValueError(
                    f'--master-addr {asked.master_addr} is not an address of this '
                    f'machine, which has --node-rank 0 ({error}).'
                ) from error
            return PrefixStore(BACKEND, store)
        reason = ''

        def reached() -> bool:
            nonlocal reason
            try:
                socket.create_connection((asked.master_addr, self._port), 5).close()
                return True
            except OSError as error:
                reason = str(error)
                return False

        self._wait(
            reached,
            lambda: (
                f'machine 0 cannot be reached at {self._where} ({reason}): is it '
                'started, and are --master-addr and --master-port right?'
            ),
        )
        try:
            store = TCPStore(
                asked.master_addr, self._port, timeout=timedelta(seconds=CONNECT)
            )
        except DistError as error:
            raise RuntimeError(
                f'What answers at {self._where} is not machine 0 of a run: are '
                '--master-addr and --master-port right?'
            ) from error
        store.set_timeout(timeout)
        return PrefixStore(BACKEND, store)

    def _port_of(self, number: int) -> int:
        """Return the port through which the processes of a round connect.

        Each round has a store of its own: it must not find the former one's names.
        """
        if number == 1:
            return self._port
        self._processes = TCPStore(
            'localhost', 0, is_master=True, wait_for_workers=False
        )
        return self._processes.port

    def _join(self, store: Store, number: int) -> None:
        """Join a round, unless something contradicts another machine."""
        asked = self._asked
        mine = f'--nnodes {asked.nnodes} --max-restarts {asked.max_restarts}'
        others = store.compare_set('asked', '', mine).decode()
        if others != mine:
            raise ValueError(
                f'This machine was started with {mine}, and another one with {others}.'
            )
        key = f'{number}/machine_{asked.node_rank}'
        if store.add(f'{key}/count', 1) > 1:
            raise ValueError(
                f'--node-rank {asked.node_rank} is taken ({store.get(key).decode()}): '
                f'each machine needs its own, from 0 to {asked.nnodes - 1}.'
            )
        store.set(key, f'{socket.gethostname()}, process {os.getpid()}')
        if since := os.environ.get(SINCE):  # the first machine's, as one clock
            os.environ[SINCE] = store.compare_set('since', '', since).decode()
        store.add(f'{number}/joined', 1)

    def _wait(self, done: Callable[[], bool], what: Callable[[], str]) -> None:
        """Wait for something, and say so.

        Signals interrupt it, which they cannot do inside PyTorch.
        """
        start, said = time.monotonic(), False
        while not done():
            if self._store is not None and self._store.check(['ended']):
                raise RuntimeError(self._store.get('ended').decode())
            waited = time.monotonic() - start
            if waited > self._asked.join_timeout:
                raise RuntimeError(
                    f'Waited {waited:.0f} s (--join-timeout), and {what()}'
                )
            if waited > QUIET and not said:
                said = True
                print(f'Waiting: {what()}', file=sys.stderr, flush=True)
            time.sleep(0.1)

    def _missing(self, store: Store, number: int) -> str:
        """Name the machines that have not joined a round."""
        names = [
            str(i)
            for i in range(self._asked.nnodes)
            if not store.check([f'{number}/machine_{i}'])
        ]
        return (
            f'of {self._asked.nnodes} machines (--nnodes) these have not come: '
            f'--node-rank {", ".join(names)}.'
        )

    @contextmanager
    def _talking(self) -> Iterator[Store]:
        """Use the store; machine 0 may be gone."""
        try:
            yield self._store
        except DistError as error:
            raise RuntimeError(
                f'Machine 0 ({self._where}) has ended, or cannot be reached any more.'
            ) from error

    def _say_restart(self, number: int) -> None:
        """Say that all processes start again.

        Raises:
            RuntimeError: They have done so often enough.
        """
        if number > self._asked.max_restarts:
            raise RuntimeError(
                f'Processes have failed again after {number - 1} restarts '
                '(--max-restarts).'
            )
        print(
            f'A process has failed: starting all again ({number} of '
            f'{self._asked.max_restarts}).',
            file=sys.stderr,
            flush=True,
        )

    def get_backend(self) -> str:
        """Return the name of this way to meet."""
        return BACKEND

    def get_run_id(self) -> str:
        """Return a name of the run."""
        return BACKEND

    def is_closed(self) -> bool:
        """Tell whether no more rounds are possible."""
        return False

    def set_closed(self) -> None:
        """Do nothing: machines that leave say so."""

    def shutdown(self) -> bool:
        """Do nothing: the store ends with machine 0."""
        return True


def _machines(parameters: RendezvousParameters) -> Machines:
    return parameters.config['machines']


rendezvous_handler_registry.register(BACKEND, _machines)

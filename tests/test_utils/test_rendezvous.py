"""Machines meet, again after a failure, and say what is wrong."""

import contextlib
import os
import re
import socket
import threading
import time

import pytest

from mmsemi.utils.processes import SINCE, Processes
from mmsemi.utils.rendezvous import Machines


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]


def meet(*machines):
    """Let each join in a thread; return what it got, an error or its place."""
    found = [None] * len(machines)

    def join(i, each):
        try:
            with each:
                found[i] = each.next_rendezvous()
        except Exception as error:
            found[i] = error

    threads = [threading.Thread(target=join, args=pair) for pair in enumerate(machines)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return found


def machines(port, *ranks, **changes):
    changes = dict(nnodes=2, join_timeout=20, max_restarts=1) | changes
    return [
        Machines(Processes(node_rank=rank, master_port=port, **changes))
        for rank in ranks
    ]


def test_two_machines_meet_and_meet_again(port, monkeypatch, capsys):
    """One that failed joins the next round, which the other one notices."""
    monkeypatch.setenv(SINCE, '5.0')
    zero, one = machines(port, 0, 1)
    first = meet(one, zero)
    assert [each.rank for each in first] == [1, 0]
    assert {each.world_size for each in first} == {2}
    assert {each.bootstrap_store_info.master_port for each in first} == {port}
    assert os.environ[SINCE] == '5.0'
    assert zero.num_nodes_waiting() == one.num_nodes_waiting() == 0

    failed = threading.Thread(target=one.next_rendezvous)
    failed.start()
    end = time.monotonic() + 10
    while not zero.num_nodes_waiting() and time.monotonic() < end:
        time.sleep(0.01)
    again = zero.next_rendezvous()
    failed.join(10)
    # The processes must not find the names of those before.
    assert again.bootstrap_store_info.master_port != port
    assert capsys.readouterr().err.count('starting all again (1 of 1)') == 2
    for error in meet(zero, one):
        assert re.search('failed again after 1 restart', str(error))


@pytest.mark.parametrize(
    'second, message',
    [
        (dict(nnodes=3, node_rank=1), '--nnodes 3 .* another one with --nnodes 2'),
        (dict(node_rank=0), 'cannot be opened.*--master-port'),
        (dict(node_rank=1, max_restarts=4), r'--max-restarts 4, .* --max-restarts 1'),
    ],
)
def test_machines_that_do_not_agree(port, second, message):
    """Each says so, and the other one ends at once."""
    (zero,) = machines(port, 0)
    asked = dict(nnodes=2, master_port=port, join_timeout=20, max_restarts=1)
    ended = []

    def wait():
        with contextlib.suppress(RuntimeError), zero:
            zero.next_rendezvous()
        ended.append(True)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    while zero._store is None:
        time.sleep(0.01)
    (error,) = meet(Machines(Processes(**{**asked, **second})))
    assert re.search(message, str(error), re.S), error
    if second['node_rank']:
        thread.join(10)
        assert ended


def test_two_with_one_number_and_none_with_the_other(port):
    zero, first, second = machines(port, 0, 1, 1, nnodes=3)
    found = meet(first, second, zero)
    assert any('--node-rank 1 is taken' in str(each) for each in found)
    assert all(isinstance(each, Exception) for each in found)


def test_one_too_many(port):
    zero, one, late = machines(port, 0, 1, 1, max_restarts=0)
    meet(zero, one)
    (error,) = meet(late)
    assert 'has begun already, with a machine of --node-rank 1' in str(error)


def test_something_else_answers(port, monkeypatch):
    """As a proxy does, or the server of another program."""
    monkeypatch.setattr('mmsemi.utils.rendezvous.CONNECT', 0.5)
    server = socket.create_server(('127.0.0.1', port))

    def answer():
        with contextlib.suppress(OSError):
            while True:
                other, _ = server.accept()
                other.sendall(b'HTTP/1.1 400 Bad Request\r\n\r\n')
                other.close()

    threading.Thread(target=answer, daemon=True).start()
    (error,) = meet(*machines(port, 1))
    server.close()
    assert 'is not machine 0 of a run' in str(error)


def test_waiting_ends(port, capsys, monkeypatch):
    """The machines that did not come are named, or where machine 0 should be."""
    monkeypatch.setattr('mmsemi.utils.rendezvous.QUIET', 0.2)
    monkeypatch.setattr('mmsemi.utils.rendezvous.LINGER', 0.2)
    (zero,) = machines(port, 0)
    zero._asked = zero._asked._replace(join_timeout=0.5)
    (error,) = meet(zero)
    assert 'have not come: --node-rank 1.' in str(error)
    assert 'Waiting: of 2 machines' in capsys.readouterr().err
    (one,) = machines(port, 1, master_addr='no-such-host.invalid')
    one._asked = one._asked._replace(join_timeout=0.5)
    (error,) = meet(one)
    assert 'machine 0 cannot be reached at no-such-host.invalid:' in str(error)
    (zero,) = machines(port + 1, 0, master_addr='no-such-host.invalid')
    (error,) = meet(zero)
    assert 'is not an address of this machine' in str(error)

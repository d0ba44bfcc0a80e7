"""Train on two machines, end one of them, and start processes again.

``python -m tests.stress.nodes FOLDER`` makes two network namespaces that a cable (a
veth pair) joins, which needs root, or else uses loopback; FOLDER must be new.  It says
of each trial what came out, and takes everything away at its end.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.helpers.tools import ROOT
from tests.stress.by_command import (
    as_one,
    folder_and_choice,
    run_trials,
    steps_done,
    until,
    write_config,
)
from tests.stress.machines import CABLE, Machine, namespaces
from tests.stress.resume_points import differences

TIMEOUT = 30  # `env_cfg.dist_cfg.timeout`


class Trials:
    """Trials in a folder.

    Args:
        folder (Path): For their work dirs.
        alone (bool): Whether machines are namespaces.
    """

    def __init__(self, folder: Path, alone: bool) -> None:
        self.folder, self.alone = folder, alone
        self.config = write_config(folder)
        self.machines = [Machine(i, folder, alone) for i in range(2)]

    def start(self, name: str, *words: str, of: int | None = None) -> None:
        """Start `mmsemi train --nnodes 2` on both machines, or on one."""
        for machine in self.machines if of is None else [self.machines[of]]:
            machine.start(
                name,
                *(sys.executable, '-m', 'mmsemi', 'train', self.config, '--nproc', '1'),
                *('--nnodes', '2', '--node-rank', str(machine.number)),
                *('--master-addr', machine.address),
                *('--work-dir', self.folder / name, *words),
                *('--cfg-options', f'env_cfg.dist_cfg.timeout={TIMEOUT}'),
            )

    def train(self, name: str, *words: str, step: int = 4) -> None:
        """Start, and wait until both are in mid-training."""
        self.start(name, *words)
        done = steps_done(self.folder / name)
        until(
            lambda: steps_done(self.folder / name) >= done + step,
            f'{name}: {self.machines[0].said()[-2000:]}',
            300,
        )

    def resumed(self, name: str) -> str:
        """Start both again with `--resume`; return what is wrong with the end."""
        self.start(name, '--resume')
        ends = [machine.wait() for machine in self.machines]
        if any(ends) or 'weights   resumed from' not in self.machines[0].said():
            return f'resumed, they ended with {ends}'
        return ', '.join(differences(self.folder / 'script', self.folder / name))

    def other_ends(self, name: str, survivor: int, message: str) -> str:
        """Wait for the end of the machine that is left, and for its message."""
        begun, machine = time.monotonic(), self.machines[survivor]
        status = machine.wait(300)
        took = time.monotonic() - begun
        lines = [e for e in machine.said().splitlines() if e.startswith('error: ')]
        print(f'    machine {survivor}: status {status} after {took:.0f} s', flush=True)
        print(*(f'    {line[:300]}' for line in lines), sep='\n', flush=True)
        if status != 1 or not re.search(message, machine.said()):
            return machine.said()[-2000:]
        return '' if len(lines) == 1 else f'{len(lines)} messages'

    # The trials: each returns what is wrong, or ''.

    def script(self) -> str:
        """`NNODES=2 tools/dist_train.sh` trains as one process does."""
        one = self.machines[0]
        one.start(
            'one',
            *(sys.executable, '-m', 'mmsemi', 'train', self.config),
            *('--work-dir', self.folder / 'one'),
        )
        status = one.wait()
        for machine in self.machines:
            machine.start(
                'script',
                *(ROOT / 'tools/dist_train.sh', self.config, '1'),
                *('--work-dir', self.folder / 'script'),
                NNODES='2',
                NODE_RANK=str(machine.number),
                MASTER_ADDR=machine.address,
            )
        ends = [status, *(machine.wait() for machine in self.machines)]
        if any(ends):
            return f'ended with {ends}'
        return as_one(self.folder / 'one', self.folder / 'script')

    def command(self) -> str:
        """`mmsemi train --nnodes 2` does the same, to the bit."""
        self.start('command')
        ends = [machine.wait() for machine in self.machines]
        if any(ends):
            return f'ended with {ends}'
        return ', '.join(differences(self.folder / 'script', self.folder / 'command'))

    def second_dies(self) -> str:
        """All processes of machine 1 are killed: machine 0 ends; both resume."""
        self.train('second_dies')
        self.machines[1].kill()
        message = 'Another process of this run has ended'
        wrong = self.other_ends('second_dies', 0, message)
        return wrong or self.resumed('second_dies')

    def first_dies(self) -> str:
        """All processes of machine 0 are killed: machine 1 ends; both resume."""
        self.train('first_dies')
        self.machines[0].kill()
        message = 'Another process of this run has ended'
        wrong = self.other_ends('first_dies', 1, message)
        return wrong or self.resumed('first_dies')

    def cable(self) -> str:
        """The cable is pulled: both end within the timeout, and resume."""
        if not self.alone:
            print('    left out: it needs network namespaces')
            return ''
        self.train('cable')
        link = f'ip -n {CABLE[1]} link set {CABLE[1]}'.split()
        subprocess.run([*link, 'down'], check=True)
        try:
            begun = time.monotonic()
            for machine in self.machines:
                status = machine.wait(300)
                took = time.monotonic() - begun
                print(f'    machine {machine.number}: {status} after {took:.0f} s')
                lines = machine.said().splitlines()
                kept = [e for e in lines if e.startswith('error: ') or 'progress' in e]
                print(*(f'    {line[:300]}' for line in kept), sep='\n', flush=True)
        except subprocess.TimeoutExpired:
            for machine in self.machines:
                machine.kill()
            return f'machine {machine.number} has not ended after 300 s'
        finally:
            subprocess.run([*link, 'up'], check=True)
        return self.resumed('cable')

    def elastic(self) -> str:
        """A worker is killed: `--max-restarts` goes on from the last checkpoint."""
        self.train('elastic', '--max-restarts', '2')
        before = steps_done(self.folder / 'elastic')
        for pid in self.machines[1].workers():
            os.kill(pid, signal.SIGKILL)
        ends = [machine.wait() for machine in self.machines]
        said = self.machines[0].said()
        kept = re.findall(
            r'^(?:A process has failed|weights +resumed|length).*', said, re.M
        )
        print(*(f'    {line}' for line in kept), sep='\n', flush=True)
        found = re.search(r'resumed from .*iter_(\d+)\.pth', said)
        if any(ends) or not found or int(found[1]) < before:
            return f'ended with {ends}: {said[-2000:]}'
        script = self.folder / 'script'
        return ', '.join(differences(script, self.folder / 'elastic'))

    def returning(self) -> str:
        """All of machine 1 is killed, and started again: both go on by themselves."""
        self.train('returning', '--max-restarts', '2')
        self.machines[1].kill()
        time.sleep(5)
        self.start('returning', '--max-restarts', '2', of=1)
        ends = [machine.wait() for machine in self.machines]
        if any(ends) or 'weights   resumed' not in self.machines[0].said():
            return f'ended with {ends}: {self.machines[0].said()[-2000:]}'
        return ', '.join(differences(self.folder / 'script', self.folder / 'returning'))

    def signaled(self) -> str:
        """SIGTERM to machine 1: both save and end with 143, none starts again."""
        self.train('signaled', '--max-restarts', '2')
        for pid in self.machines[1].workers():
            os.kill(pid, signal.SIGTERM)
        ends = [machine.wait(200) for machine in self.machines]
        if ends != [143, 143]:
            return f'ended with {ends}'
        return self.resumed('signaled')

    def wrong(self) -> str:
        """Wrong numbers, a machine that does not come, one that is not there."""
        zero, one = self.machines
        short = ('--join-timeout', '15')
        nowhere = '10.99.0.77' if self.alone else '127.0.0.77'
        trials: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
            'counts': (
                (),
                ('--nnodes', '3'),
                '--nnodes 3 .* another one with --nnodes 2',
            ),
            'rank': (
                (),
                ('--node-rank', '2'),
                '--node-rank 2 is none of the 2 machines',
            ),
            'missing': (short, (), 'have not come: --node-rank 1'),
            'address': ((), ('--master-addr', nowhere, *short), 'cannot be reached'),
        }
        for name, (first, second, message) in trials.items():
            if name in ('missing', 'counts'):
                self.start(name, *first, of=0)
            if name != 'missing':
                self.start(name, *second, of=1)
            checked = zero if name == 'missing' else one
            status = checked.wait(120)
            if name == 'counts':
                status = max(status, zero.wait(60))
            lines = [e for e in checked.said().splitlines() if e.startswith('error: ')]
            print(*(f'    {line}' for line in lines), sep='\n', flush=True)
            if status != 1 or len(lines) != 1 or not re.search(message, lines[0]):
                return f'{name}: {status}\n{checked.said()}'
        return ''


def main() -> int:
    folder, only = folder_and_choice(__doc__)
    with namespaces() as alone:
        print('two network namespaces' if alone else 'loopback', flush=True)
        trials = Trials(folder, alone)

        def clear() -> None:
            for machine in trials.machines:
                if machine.process and machine.process.poll() is None:
                    machine.kill()

        every = [
            trials.script,
            trials.command,
            trials.second_dies,
            trials.first_dies,
            trials.cable,
            trials.elastic,
            trials.returning,
            trials.signaled,
            trials.wrong,
        ]
        return run_trials(every, only, clear)


if __name__ == '__main__':
    sys.exit(main())

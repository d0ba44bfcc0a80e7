"""Start a cluster of SLURM with one node, this machine, and stop it.

``python -m tests.stress.slurm.cluster FOLDER`` needs root and Debian's packages
``slurm-wlm`` and ``munge``, starts their daemons without systemd, on loopback alone
and with all files in FOLDER, which must be new, and stops them on Ctrl-C.  With the
``SLURM_CONF`` that it prints, ``srun``, ``sbatch`` and ``squeue`` reach them.
"""

import argparse
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

DAEMONS = ('munged', 'slurmctld', 'slurmd')
CONF = """\
ClusterName=stress
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobs.txt
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=1,sched_interval=2,bf_interval=2
JobRequeue=1
# Seconds from SIGTERM to SIGKILL, where no grace is given.
KillWait=60
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=localhost NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus}
PartitionName=main Nodes=localhost Default=YES PriorityTier=1 GraceTime=60 MaxTime=60
PartitionName=urgent Nodes=localhost PriorityTier=2 PreemptMode=OFF MaxTime=60
"""


class Cluster:
    """A cluster with one node; use it in a ``with`` statement.

    While it runs, ``SLURM_CONF`` of this process names its settings.

    Args:
        folder (Path): A new folder, for all its files.

    Raises:
        FileNotFoundError: A daemon is not installed.
        RuntimeError: It does not start; the message has the end of the log.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._running: list[subprocess.Popen] = []

    def __enter__(self) -> 'Cluster':
        missing = [name for name in DAEMONS if not shutil.which(name)]
        if missing:
            raise FileNotFoundError(
                f'{", ".join(missing)} not found: apt-get install slurm-wlm munge'
            )
        for name in ('state', 'spool'):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)
        key = self.folder / 'munge.key'
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        conf = self.folder / 'slurm.conf'
        conf.write_text(
            CONF.format(
                folder=self.folder,
                host=socket.gethostname(),
                ports=_free_ports(2),
                cpus=os.cpu_count(),
            )
        )
        os.environ['SLURM_CONF'] = str(conf)
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        files = dict(key='key', socket='socket', pid='pid', log='log', seed='seed')
        options = [f'--{k}-file={self.folder}/munge.{v}' for k, v in files.items()]
        options[1] = f'--socket={self.folder}/munge.socket'
        self._run('munged', '--foreground', '--force', *options)
        self._until('munge', '-n', '-S', f'{self.folder}/munge.socket')
        self._run('slurmctld', '-D', '-c')
        self._until('scontrol', 'ping', said='UP')
        self._run('slurmd', '-D', '-N', 'localhost')
        self._until('sinfo', '-h', '-o', '%T', said='idle')

    def __exit__(self, *error: object) -> None:
        if len(self._running) == len(DAEMONS):
            subprocess.run(['scancel', '--user=root', '--full', '--signal=KILL'])
            subprocess.run(['scancel', '--user=root'])
            until = time.monotonic() + 20
            while time.monotonic() < until and self.run('squeue', '-h'):
                time.sleep(0.5)
        for daemon in self._running[::-1]:
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self._running.clear()
        os.environ.pop('SLURM_CONF', None)

    def run(self, *command: str) -> str:
        """Run a command of SLURM; return what it printed."""
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return (done.stdout + done.stderr).strip()

    def _run(self, *command: str) -> None:
        with (self.folder / f'{command[0]}.out').open('w') as out:
            self._running.append(
                subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                )
            )

    def _until(self, *command: str, said: str = '') -> None:
        """Wait until a command succeeds and says something."""
        until = time.monotonic() + 30
        while True:
            done = subprocess.run(command, capture_output=True, text=True)
            if not done.returncode and said in done.stdout:
                return
            if time.monotonic() > until or self._running[-1].poll() is not None:
                out = self.folder / f'{self._running[-1].args[0]}.out'
                raise RuntimeError(
                    f'{" ".join(command)}: {done.stdout}{done.stderr}\n'
                    + out.read_text()[-2000:]
                )
            time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(('127.0.0.1', 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path)
    ended = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: ended.set())
    with Cluster(parser.parse_args().folder) as cluster:
        print(f'export SLURM_CONF={cluster.folder}/slurm.conf', flush=True)
        ended.wait()
    return 0


if __name__ == '__main__':
    sys.exit(main())

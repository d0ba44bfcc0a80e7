"""Number the processes of a job of SLURM as torchrun numbers its own."""

import os
import subprocess

# Below those that the system gives away by itself.
FIRST_PORT, PORTS = 15000, 15000


def number_processes() -> None:
    """Set ``RANK`` and the other variables of torchrun from those of SLURM.

    ``MASTER_ADDR`` and ``MASTER_PORT`` stay if they are set.  By default two jobs
    on one machine have ports of their own.

    Raises:
        ValueError: SLURM did not start this process.
    """
    env = os.environ
    if 'SLURM_PROCID' not in env:
        raise ValueError(
            '--launcher slurm: SLURM has not started this process (SLURM_PROCID is '
            'not set). Use srun, as tools/slurm_train.sh does, or --nproc N without '
            '--launcher.'
        )
    env['RANK'] = env['SLURM_PROCID']
    env['LOCAL_RANK'] = env['SLURM_LOCALID']
    env['WORLD_SIZE'] = env['SLURM_NTASKS']
    if 'MASTER_ADDR' not in env:
        nodes = env.get('SLURM_STEP_NODELIST') or env['SLURM_NODELIST']
        env['MASTER_ADDR'] = subprocess.run(
            ['scontrol', 'show', 'hostnames', nodes],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout.split()[0]
    port = FIRST_PORT + int(env.get('SLURM_JOB_ID', 0)) % PORTS
    env.setdefault('MASTER_PORT', str(port))

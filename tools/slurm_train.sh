#!/usr/bin/env bash
# Train through Slurm, one process per GPU:
#
#     tools/slurm_train.sh PARTITION JOB_NAME CONFIG [train.py arguments ...]
#
# Environment variables, with defaults: GPUS (4), GPUS_PER_NODE (4),
# CPUS_PER_TASK (5), SRUN_ARGS (more arguments of srun), PYTHON (python).
set -euo pipefail

if (( $# < 3 )); then
    echo "usage: $0 PARTITION JOB_NAME CONFIG [train.py arguments ...]" >&2
    exit 2
fi
partition=$1 job_name=$2 config=$3
shift 3
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

gpus=${GPUS:-4}
gpus_per_node=${GPUS_PER_NODE:-$(( gpus < 4 ? gpus : 4 ))}
cpus_per_task=${CPUS_PER_TASK:-5}
read -ra srun_args <<< "${SRUN_ARGS:-}"

export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
export MKL_NUM_THREADS=${MKL_NUM_THREADS:-$OMP_NUM_THREADS}
export PYTHONPATH=$tools/..${PYTHONPATH:+:$PYTHONPATH}

exec srun --partition "$partition" --job-name "$job_name" \
    --gres "gpu:$gpus_per_node" --ntasks "$gpus" \
    --ntasks-per-node "$gpus_per_node" --cpus-per-task "$cpus_per_task" \
    --kill-on-bad-exit=1 ${srun_args[@]+"${srun_args[@]}"} \
    "${PYTHON:-python}" -u "$tools/train.py" "$config" --launcher slurm "$@"

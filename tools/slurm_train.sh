#!/usr/bin/env bash
# Train through SLURM, one process per GPU:
#
#     tools/slurm_train.sh [--requeue] PARTITION JOB_NAME CONFIG [train.py arguments ...]
#
# waits for the training, as srun does.  With --requeue it submits the training by
# sbatch, and the job looks after itself: preempted, requeued, at its time limit or
# after its node failed, it is queued again and resumes from its newest checkpoint.
#
# Environment variables, with defaults: GPUS (4), GPUS_PER_NODE (4),
# CPUS_PER_TASK (5), GRES (gpu:GPUS_PER_NODE; empty for processes without a GPU),
# SRUN_ARGS (more arguments of srun, or of sbatch with --requeue), PYTHON (python).
set -euo pipefail

usage="usage: $0 [--requeue] PARTITION JOB_NAME CONFIG [train.py arguments ...]"
requeue= words=()
for word in "$@"; do
    if [[ $word == --requeue ]]; then requeue=1; else words+=("$word"); fi
done
set -- ${words[@]+"${words[@]}"}
if (( $# < 3 )) || [[ $1 == -* || $2 == -* || $3 == -* ]]; then
    echo "$usage" >&2
    exit 2
fi
partition=$1 job_name=$2 config=$3
shift 3
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

refuse() {
    echo "error: $1" >&2
    exit 1
}

for name in srun ${requeue:+sbatch scontrol}; do
    command -v "$name" > /dev/null || refuse "There is no $name: $(uname -n) does not \
belong to a SLURM cluster. Without one, use tools/dist_train.sh CONFIG NPROC."
done
for name in GPUS GPUS_PER_NODE CPUS_PER_TASK; do
    [[ ${!name:-1} =~ ^[1-9][0-9]*$ ]] ||
        refuse "$name=${!name} is not a number of at least 1."
done
gpus=${GPUS:-4}
gpus_per_node=${GPUS_PER_NODE:-$(( gpus < 4 ? gpus : 4 ))}
cpus_per_task=${CPUS_PER_TASK:-5}
gres=${GRES-gpu:$gpus_per_node}
read -ra srun_args <<< "${SRUN_ARGS:-}"
(( gpus % gpus_per_node == 0 )) || refuse "GPUS=$gpus processes cannot be divided \
among nodes with GPUS_PER_NODE=$gpus_per_node each."

export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
export MKL_NUM_THREADS=${MKL_NUM_THREADS:-$OMP_NUM_THREADS}
export PYTHONPATH=$tools/..${PYTHONPATH:+:$PYTHONPATH}

resources=(
    --partition "$partition" --job-name "$job_name" ${gres:+--gres "$gres"}
    --ntasks "$gpus" --ntasks-per-node "$gpus_per_node"
    --cpus-per-task "$cpus_per_task"
)
train=(
    "${PYTHON:-python}" -u "$tools/train.py" "$config" --launcher slurm "$@"
)
if [[ -z $requeue ]]; then
    exec srun "${resources[@]}" --kill-on-bad-exit=1 \
        ${srun_args[@]+"${srun_args[@]}"} "${train[@]}"
fi

# What the job does.  SLURM queues a job again by itself if it was preempted, but not
# at its time limit: two minutes before that, --signal lets the training save.
job() {
    MMSEMI_ADVANCED=$(mktemp)  # the first process runs here
    export MMSEMI_ADVANCED
    srun --kill-on-bad-exit=1 --cpus-per-task "$SLURM_CPUS_PER_TASK" "$@"
    status=$?
    if (( status == 143 )) && [[ -s $MMSEMI_ADVANCED ]]; then
        echo "Job $SLURM_JOB_ID has saved its state and is queued again."
        scontrol requeue "$SLURM_JOB_ID"
    elif (( status == 143 )); then
        echo "Job $SLURM_JOB_ID was ended before its first step, and is not queued \
again: it needs a longer --time, or a shorter --signal=TERM@SECONDS."
    fi
    rm -f "$MMSEMI_ADVANCED"
    exit "$status"
}

# A checkpoint that is newer than this is the job's own.
export MMSEMI_SINCE=$(date +%s)
exec sbatch "${resources[@]}" --requeue --open-mode=append --signal=TERM@120 \
    --output="$job_name-%j.log" ${srun_args[@]+"${srun_args[@]}"} <<JOB
#!/usr/bin/env bash
$(declare -f job)
job $(printf '%q ' "${train[@]}")
JOB

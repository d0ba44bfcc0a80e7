#!/usr/bin/env bash
# Train on several processes, one per GPU (or per share of the CPU's cores):
#
#     tools/dist_train.sh CONFIG NPROC [arguments of train.py ...]
#
# On several machines, run the same command on each, with the environment
# variables NNODES, NODE_RANK, and the MASTER_ADDR and PORT of the first machine.
# PYTHON is the interpreter to use.
set -euo pipefail

if ! [[ ${2:-} =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: $0 CONFIG NPROC [arguments of train.py ...]" >&2
    exit 2
fi
config=$1 nproc=$2
shift 2
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# On a single machine, use any free port, unless PORT sets one.
rendezvous=(--standalone)
if (( ${NNODES:-1} > 1 )) || [[ -n ${PORT:-} ]]; then
    rendezvous=(
        --nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}"
        --master-addr "${MASTER_ADDR:-127.0.0.1}"
        --master-port "${PORT:-29500}")
fi

# Divide the cores: by default every process would use as many threads as cores.
cores=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
threads=$(( cores / nproc ))
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$(( threads > 0 ? threads : 1 ))}
export MKL_NUM_THREADS=${MKL_NUM_THREADS:-$OMP_NUM_THREADS}
export PYTHONPATH=$tools/..${PYTHONPATH:+:$PYTHONPATH}

exec "${PYTHON:-python}" "$tools/dist_run.py" "${rendezvous[@]}" \
    --nproc-per-node "$nproc" \
    "$tools/train.py" "$config" --launcher pytorch "$@"

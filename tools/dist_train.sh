#!/usr/bin/env bash
# Train on several processes, one per GPU (or per share of the CPU's cores):
#
#     tools/dist_train.sh CONFIG NPROC [arguments of train.py ...]
#
# is `python tools/train.py CONFIG --nproc NPROC ...`. On several machines, run the
# same command on each, with the environment variables NNODES, NODE_RANK, and the
# MASTER_ADDR and PORT of the first machine. PYTHON is the interpreter to use.
set -euo pipefail

if ! [[ ${2:-} =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: $0 CONFIG NPROC [arguments of train.py ...]" >&2
    exit 2
fi
config=$1 nproc=$2
shift 2
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PYTHONPATH=$tools/..${PYTHONPATH:+:$PYTHONPATH}

exec "${PYTHON:-python}" "$tools/train.py" "$config" --nproc "$nproc" \
    --nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}" \
    --master-addr "${MASTER_ADDR:-127.0.0.1}" ${PORT:+--master-port "$PORT"} "$@"

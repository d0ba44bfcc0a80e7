#!/usr/bin/env bash
# Evaluate on several processes, one per GPU (or per share of the CPU's cores):
#
#     tools/dist_test.sh CONFIG CHECKPOINT NPROC [arguments of test.py ...]
#
# is `python tools/test.py CONFIG CHECKPOINT --nproc NPROC ...`. On several machines,
# run the same command on each, with the environment variables NNODES, NODE_RANK, and
# the MASTER_ADDR and PORT of the first machine. PYTHON is the interpreter to use.
set -euo pipefail

if ! [[ ${3:-} =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: $0 CONFIG CHECKPOINT NPROC [arguments of test.py ...]" >&2
    exit 2
fi
config=$1 checkpoint=$2 nproc=$3
shift 3
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PYTHONPATH=$tools/..${PYTHONPATH:+:$PYTHONPATH}

exec "${PYTHON:-python}" "$tools/test.py" "$config" "$checkpoint" --nproc "$nproc" \
    --nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}" \
    --master-addr "${MASTER_ADDR:-127.0.0.1}" ${PORT:+--master-port "$PORT"} "$@"

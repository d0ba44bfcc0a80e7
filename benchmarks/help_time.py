"""Measure how long the help of every command takes.

    python benchmarks/help_time.py

starts ``mmsemi COMMAND --help`` several times in processes of its own.  ``processor``
is the median processor time, on which other processes have little influence, ``wall``
the shortest wall time.
"""

import resource
import statistics
import subprocess
import sys
import time

import typer

from helpers.measure import make_parser, write_report
from mmsemi.commands.main import app


def ask(command: list[str]) -> tuple[float, float]:
    """Ask for the help of a command; return processor and wall seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    words = [sys.executable, '-m', 'mmsemi', *command, '--help']
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, wall - start


def main() -> None:
    """Run the command line."""
    args = make_parser(__doc__, repeats=5).parse_args()
    names = typer.main.get_command(app).commands
    rows = []
    for command in ([], *([name] for name in names)):
        used, wall = zip(*(ask(command) for _ in range(args.repeats)), strict=True)
        row = dict(
            command=' '.join(['mmsemi', *command, '--help']),
            processor=statistics.median(used),
            wall=min(wall),
        )
        rows.append(row)
        print(f'{row["command"]:<34} {row["processor"]:.2f} s, wall {row["wall"]:.2f}')
    write_report(args, rows=rows)


if __name__ == '__main__':
    main()

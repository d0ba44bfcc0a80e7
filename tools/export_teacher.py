"""Export the EMA teacher: ``python tools/export_teacher.py CHECKPOINT OUT``."""

from mmsemi.commands.export_teacher import export_teacher
from mmsemi.commands.shared import as_main
from mmsemi.utils.cli import run_tool

main = as_main(export_teacher)

if __name__ == '__main__':
    run_tool(main)

"""The command ``mmsemi``, as ``python -m mmsemi``."""

from mmsemi.commands.main import run

if __name__ == '__main__':
    run()

"""Find out what would keep a training from running, and what helps.

For example,

    mmsemi doctor
    mmsemi doctor rankmatch/pascal_1-16
    mmsemi doctor --json

looks at Python, PyTorch and the OpenMMLab wheels, at devices, memory, disk and
shared memory, at data and extras, and with a config at what that needs.  The exit
status is 1 if a training could not start.  It runs where nothing else does.
"""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from .shared import CfgOptions, OptionalConfigFile, Traceback, load

if TYPE_CHECKING:
    from mmsemi.diagnosis import Finding

STYLES = dict(ok='green', note='dim', warning='yellow', error='bold red')


def doctor(
    config: OptionalConfigFile = None,
    json: Annotated[
        bool, typer.Option('--json', help='print the findings as JSON')
    ] = False,
    cfg_options: CfgOptions = None,
    traceback: Traceback = False,
) -> int:
    """Look for what would keep a training from running; return the exit status."""
    from mmsemi.diagnosis import diagnose

    found = diagnose(config, lambda: load(config or '', cfg_options))
    if json:
        from json import dumps

        findings = list(found)
        print(dumps([finding._asdict() for finding in findings], indent=2))
    elif sys.stdout.isatty():
        findings = _print_table(found)
    else:
        findings = _print_lines(found)
    errors, warnings = (
        [finding.state for finding in findings].count(state)
        for state in ('error', 'warning')
    )
    if not json:
        counts = (_count(errors, 'error'), _count(warnings, 'warning'))
        named = ', '.join(filter(None, counts))
        can = 'cannot' if errors else 'can'
        print(f'A training {can} start{named and ": " + named}.')
    return 1 if errors else 0


def _count(number: int, what: str) -> str:
    """Count something in words; empty for 0."""
    return f'{number} {what}{"s" * (number > 1)}' if number else ''


def _print_table(found: Iterable['Finding']) -> list['Finding']:
    """Print findings in a terminal, in color; return them."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    with console.status('Looking'):
        findings = list(found)
    width = max(len(finding.name) for finding in findings)
    for area in dict.fromkeys(finding.area for finding in findings):
        table = Table(title=area, title_justify='left', title_style='bold', box=None)
        table.show_header, table.expand = False, True
        table.add_column(width=7)
        table.add_column(width=width)
        table.add_column(ratio=1)
        for finding in findings:
            if finding.area == area:
                style = STYLES[finding.state]
                text = Text(finding.text)
                if finding.cure:
                    text.append(f'\n{finding.cure}', 'cyan')
                table.add_row(Text(finding.state, style), finding.name, text)
        console.print(table)
        console.print()
    return findings


def _print_lines(found: Iterable['Finding']) -> list['Finding']:
    """Print findings as lines, each as it is found; return them."""
    findings = []
    for finding in found:
        findings.append(finding)
        print(f'{finding.state:8}{finding.name}: {finding.text}', flush=True)
        for line in finding.cure.splitlines():
            print(f'{"":8}-> {line.strip()}', flush=True)
    return findings

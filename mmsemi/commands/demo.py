"""Compare two methods with supervised training on the built-in scenes.

For example,

    mmsemi demo
    mmsemi demo --work-dir runs/demo

trains a network from scratch on 20 labeled images, then with RankMatch and with
BalancedMatch also on 300 unlabeled ones, compares the three on the validation
images, draws their predictions and writes a report.  It takes minutes on two CPU cores.
"""

from pathlib import Path
from typing import Annotated

import typer

from .shared import CfgOptions, Traceback


def demo(
    work_dir: Annotated[
        Path, typer.Option(help='folder for all results, which is emptied first')
    ] = Path('work_dirs/demo'),
    cfg_options: CfgOptions = None,
    traceback: Traceback = False,
) -> None:
    """Train three networks on the built-in data and compare them."""
    from mmsemi.apis.demo import compare

    compare(work_dir, cfg_options or [])

"""Count which classes a network confuses.

``python tools/analysis/confusion_matrix.py CONFIG CHECKPOINT`` evaluates the test
images and prints, for each class in the masks (rows), the percentage of its
pixels that were predicted as each class (columns).  ``--out FILE.csv`` writes the
numbers of pixels.
"""

import argparse
import csv
import io
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from mmsemi.apis import init_model
from mmsemi.engine import SemiRunner
from mmsemi.evaluation.confusion_iou import count_pairs
from mmsemi.utils.cli import run_tool
from mmsemi.utils.config import add_config_arguments, load_config
from mmsemi.utils.files import write_whole
from mmsemi.utils.progress import progress_bar


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', type=Path, help='CSV file for the numbers of pixels')
    parser.add_argument(
        '--device', help='defaults to the GPU if there is one, else to the CPU'
    )
    add_config_arguments(parser)
    return parser.parse_args()


@torch.no_grad()
def count(model: torch.nn.Module, loader: torch.utils.data.DataLoader) -> Tensor:
    """Count the pixels of each pair of classes, int64 (C true, C predicted)."""
    classes = len(model.dataset_meta['classes'])
    total = torch.zeros(classes, classes, dtype=torch.int64)
    with progress_bar(loader, 'evaluating') as batches:
        for batch in batches:
            for result in model.test_step(batch):
                pairs = count_pairs(
                    result.pred_sem_seg.data, result.gt_sem_seg.data, classes
                )
                total += pairs[:classes].cpu()
    return total


def show(total: Tensor, classes: list[str]) -> None:
    """Print percentages of each row, without classes that are not in the masks."""
    table = Table('true / predicted', *classes)
    for name, row in zip(classes, total.tolist(), strict=True):
        if sum(row):
            table.add_row(name, *(f'{100 * pixels / sum(row):.1f}' for pixels in row))
        else:
            table.add_row(name, *('-' for _ in row))
    # As wide as the table, also if the output is a file.
    console = Console(width=16 * (len(classes) + 2))
    console.print(table)


def main() -> None:
    """Run the command line."""
    args = parse_args()
    cfg = load_config(args)
    model = init_model(cfg, args.checkpoint, args.device)
    classes = [*model.dataset_meta['classes']]
    total = count(model, SemiRunner.build_dataloader(cfg.test_dataloader, seed=0))
    show(total, classes)
    if args.out:
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow(['true / predicted', *classes])
        rows.writerows(
            [name, *row] for name, row in zip(classes, total.tolist(), strict=True)
        )
        write_whole(args.out, text.getvalue().encode())


if __name__ == '__main__':
    run_tool(main)

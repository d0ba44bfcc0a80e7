"""Count which classes a network confuses."""

import csv
import io
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from mmsemi.evaluation.confusion_iou import count_pairs
from mmsemi.utils.files import write_whole
from mmsemi.utils.progress import progress_bar


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


def write_csv(total: Tensor, classes: list[str], file: Path) -> None:
    """Write the numbers of pixels (C true, C predicted) as CSV."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(['true / predicted', *classes])
    rows.writerows(
        [name, *row] for name, row in zip(classes, total.tolist(), strict=True)
    )
    write_whole(file, text.getvalue().encode())

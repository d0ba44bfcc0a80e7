"""Compare two methods with supervised training on the built-in scenes."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from mmsemi.datasets import ensure_scenes, read_list
from mmsemi.reporting import write_report
from mmsemi.utils.config import read_config
from mmsemi.utils.images import write_picture
from mmsemi.visualization import overlay

from .inference import inference_model
from .network import init_model

METHODS = dict(
    Supervised='demo/supervised_scenes',
    RankMatch='demo/rankmatch_scenes',
    BalancedMatch='demo/balancedmatch_scenes',
)
PICTURES = 8


def name_of(config: str) -> str:
    """Return the name of a config's work dir."""
    return config.rpartition('/')[2]


def train(config: str, work_dir: Path, options: list) -> None:
    """Run ``mmsemi train``, with its log in ``train.log``."""
    work_dir.mkdir(parents=True)
    log = work_dir / 'train.log'
    command = [
        sys.executable,
        *('-m', 'mmsemi', 'train'),
        config,
        '--work-dir',
        str(work_dir),
    ]
    if options:
        command += ['--cfg-options', *options]
    with open(log, 'w') as file:
        code = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT)
    if code.returncode:
        print(log.read_text()[-3000:], file=sys.stderr)
        sys.exit(f'Training failed; see the whole log in {log}.')


def draw(models: dict[str, object], data: Path, palette: list, file: Path) -> None:
    """Write a picture with a row per image: image, truth, and predictions."""
    entries = read_list(data / 'splits' / 'val.txt')
    rows = []
    for entry in entries[:: max(len(entries) // PICTURES, 1)][:PICTURES]:
        image = cv2.imread(str(data / entry.image))
        masks = [np.array(Image.open(data / entry.mask))]
        for model in models.values():
            result = inference_model(model, str(data / entry.image))
            masks.append(result.pred_sem_seg.data[0].numpy())
        panels = [image] + [
            overlay(image, mask, palette, opacity=0.7) for mask in masks
        ]
        rows.append(np.hstack(panels))
    picture = np.vstack(rows)
    picture = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    header = np.full((28, picture.shape[1], 3), 255, np.uint8)
    width = picture.shape[1] // (2 + len(models))
    for i, title in enumerate(('image', 'truth', *models)):
        cv2.putText(
            header,
            title,
            (i * width + 8, 20),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.6,
            (0, 0, 0),
            1,
            cv2.LINE_AA,
        )
    write_picture(file, np.vstack([header, picture]))


def compare(work_dir: Path, options: list[str]) -> None:
    """Train the methods, print their scores, and write a picture and a report.

    Args:
        work_dir (Path): Folder for all results, which is emptied first.
        options (list[str]): Settings KEY=VALUE of all trainings.
    """
    if work_dir.exists():
        shutil.rmtree(work_dir)

    cfg = read_config(METHODS['Supervised'])
    console = Console()
    data = ensure_scenes(cfg.data_root)
    labeled = len(read_list(data / cfg.train_dataloader.dataset.labeled_list))
    total = len(read_list(data / cfg.train_dataloader.dataset.train_list))
    console.print(
        f'Data: {data}, {labeled} labeled and {total - labeled} unlabeled images.'
    )

    table = Table(title='mIoU on the validation images')
    for column in ('method', 'last epoch', 'best epoch', 'seconds'):
        table.add_column(column, justify='right')
    models, last = {}, {}
    for method, config in METHODS.items():
        name = name_of(config)
        start = time.time()
        with console.status(f'Training {method} ...'):
            train(config, work_dir / name, options)
        scores = json.loads((work_dir / name / 'results.json').read_text())
        last[method] = scores[-1]['mIoU']
        best = max(row['mIoU'] for row in scores)
        table.add_row(
            method, f'{last[method]:.2f}', f'{best:.2f}', f'{time.time() - start:.0f}'
        )
        checkpoint = (work_dir / name / 'last_checkpoint').read_text()
        models[method] = init_model(config, checkpoint.strip(), device='cpu')
    console.print(table)
    baseline = last.pop('Supervised')
    gains = [f'{name} {score - baseline:+.2f}' for name, score in last.items()]
    console.print(
        f'Gains over the supervised baseline, in points of mIoU (last epochs): '
        f'{", ".join(gains)}.'
    )
    picture = work_dir / 'predictions.png'
    draw(models, data, cfg.metainfo.palette, picture)
    console.print(f'Predictions: {picture}')
    page = work_dir / 'report.html'
    write_report(
        [work_dir / each.rpartition('/')[2] for each in METHODS.values()], page
    )
    console.print(f'Curves, classes, pictures over time: {page}')

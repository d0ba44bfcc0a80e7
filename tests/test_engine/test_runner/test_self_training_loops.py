"""Self-training passes: names of masks, images that cannot be used."""

import csv
import json
import shutil
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmsemi.datasets import read_list
from mmsemi.engine.runner import self_training_loops
from mmsemi.engine.runner.self_training_loops import PseudoLabelLoop, ReliabilityLoop
from mmsemi.registry import MODELS
from mmsemi.utils import progress
from mmsemi.visualization import save_mask
from tests.helpers.tools import ROOT


def check_accuracy(work_dir, root, classes, told, logged):
    """Compare what is said of pseudo-labels with their files."""
    masks = dict(line.split() for line in open(root / 'splits/train.txt'))
    pairs = [
        (np.asarray(Image.open(e.mask)), np.asarray(Image.open(root / masks[e.image])))
        for e in read_list(work_dir / 'pseudo_labels.txt')
    ]
    label, truth = (np.stack(each) for each in zip(*pairs, strict=True))
    known = truth != 255
    scores = json.loads((work_dir / 'accuracy.json').read_text())
    assert scores['images'] == len(pairs) == 4
    right = (label == truth)[known].mean()
    assert scores['accuracy'] == logged['pseudo/accuracy'] == pytest.approx(right)
    for i, name in enumerate(classes):
        where = known & (label == i)
        expected = pytest.approx((truth == i)[where].mean()) if where.any() else None
        assert scores['classes'][name] == expected
        assert logged.get(f'pseudo/accuracy/{name}') == expected
    assert told == [
        f'4 images are ranked in {work_dir / "reliability.csv"}.',
        f'4 images have pseudo-labels, in {work_dir / "masks"}.',
        f'{100 * right:.1f} % of the pseudo-labels are right, of 4 images whose masks '
        'are known and not learned.',
    ]


@pytest.mark.parametrize('workers', [0, 1])
def test_unusable_images_are_left_out(tiny_data, tmp_path, workers):
    root = tmp_path / 'data'
    shutil.copytree(tiny_data, root)
    cfg = Config.fromfile(ROOT / 'tests/configs/tiny_self_training.py')
    dataset = cfg.train_dataloader.dataset
    dataset.update(
        data_root=str(root), unlabeled_pipeline=cfg.test_pipeline, max_corrupt=1
    )
    work_dir = tmp_path / 'work'
    work_dir.mkdir()
    lines, told, logged = [], [], {}
    runner = SimpleNamespace(
        cfg=cfg,
        model=MODELS.build(cfg.model),
        work_dir=str(work_dir),
        logger=SimpleNamespace(warning=lines.append, info=told.append),
        visualizer=SimpleNamespace(add_scalars=logged.update),
    )
    (root / 'images/train/5.png').write_bytes(b'')
    loader = dict(dataset=dataset, num_workers=workers)
    ReliabilityLoop(runner, loader, snapshots=[''], shares=(0.5, 1)).run()
    with open(work_dir / 'reliability.csv') as file:
        ranked = [row['image'] for row in csv.DictReader(file)]
    good = {f'images/train/{i}.png' for i in (3, 4, 6, 7)}
    assert len(ranked) == 4 and set(ranked) == good
    assert len(read_list(work_dir / 'reliable_1.txt')) == 2
    PseudoLabelLoop(runner, loader, scales=(1.0,)).run()
    labeled = read_list(work_dir / 'pseudo_labels.txt')
    assert {entry.image for entry in labeled} == good
    check_accuracy(work_dir, root, cfg.metainfo.classes, told, logged)
    assert len(lines) == 2 and all('5.png (0 bytes)' in x for x in lines)
    (root / 'images/train/6.png').write_bytes(b'')
    shutil.rmtree(work_dir / 'masks')
    with pytest.raises(ValueError, match=r'\d\.png \(0 bytes\)') as error:
        PseudoLabelLoop(runner, loader, scales=(1.0,)).run()
    # The progress bar has ended, while the error still refers to the loop.
    assert error.traceback and not progress._open


def test_a_killed_pass_is_continued_with_its_own_settings(
    tiny_data, tmp_path, monkeypatch
):
    """By its notes alone; a line that is repeated counts twice."""
    cfg = Config.fromfile(ROOT / 'tests/configs/tiny_self_training.py')
    (tmp_path / 'unlabeled.txt').write_text(
        ''.join(f'images/train/{i}.png\n' for i in (3, 4, 3, 5, 6))
    )
    dataset = dict(
        cfg.train_dataloader.dataset,
        data_root=str(tiny_data),
        unlabeled_list=str(tmp_path / 'unlabeled.txt'),
        unlabeled_pipeline=cfg.test_pipeline,
    )
    runner = SimpleNamespace(
        cfg=cfg,
        model=MODELS.build(cfg.model),
        work_dir=str(tmp_path),
        logger=SimpleNamespace(info=lambda text: None),
        visualizer=SimpleNamespace(add_scalars=lambda scalars: None),
    )
    saved, kill_at = [], []

    def save(mask, palette, file):
        if len(saved) == kill_at[-1]:
            raise KeyboardInterrupt
        saved.append(file.stem)
        save_mask(mask, palette, file)

    monkeypatch.setattr(self_training_loops, 'save_mask', save)
    for scales, most, names in (
        ((1.0,), 3, ['3.png', '4.png', '3.png']),
        ((0.5,), 2, ['3.png', '4.png']),  # what is there is of other scales
        ((0.5,), 9, ['3.png', '5.png', '6.png']),
    ):
        loop = PseudoLabelLoop(runner, dict(dataset=dataset), scales=scales)
        del saved[:]
        kill_at.append(most)
        with suppress(KeyboardInterrupt):
            loop.run()
        assert saved == names
    names = [entry.image[-5:] for entry in read_list(tmp_path / 'pseudo_labels.txt')]
    assert names == ['3.png', '4.png', '3.png', '5.png', '6.png']
    assert not list(tmp_path.glob('pass_*'))


@pytest.mark.parametrize(
    'name, file',
    [
        ('a/b.jpg', 'a/b.jpg.png'),
        ('a/b.png', 'a/b.png.png'),
        ('../elsewhere/b.jpg', 'up/elsewhere/b.jpg.png'),
        ('../../b.jpg', 'up/up/b.jpg.png'),
    ],
)
def test_names_of_masks(name, file, tmp_path):
    """No two images share one, and none lies outside of the folder."""
    loop = PseudoLabelLoop.__new__(PseudoLabelLoop)
    loop.work_dir = tmp_path
    assert loop.mask_file(name) == tmp_path / 'masks' / file

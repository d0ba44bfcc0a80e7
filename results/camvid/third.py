"""Write CamVid at a third of its size, 160x120, for the benchmark.

``python results/camvid/third.py data/camvid data/camvid_third`` reads the
images, masks and lists of ``data/camvid`` (docs/data.md) and writes each at a
third, as PNG: images by the mean of the pixels that one covers, masks by the
nearest.  The lists are the same; split ``8`` is added, the first 8 labeled
images of 1/16.  Each split has besides

- ``tuning.txt``, the same 60 images for all splits, drawn from those that are
  labeled in none: to choose settings on;
- ``untuned.txt``, the unlabeled images without these.

``held_out.txt`` is a list to score methods on: of each drive every fifth image
that is neither labeled in 1/16 nor in a list to choose settings on.
``kept.txt`` has the other train images.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

SIZE = (160, 120)
SPLITS = ('1_16', '1_8', '1_4')
FEWEST = 8
TUNING = 60
HELD_OUT = 5


def read(file: Path) -> list[str]:
    """Return the lines of a list, with the names of the written files."""
    return file.read_text().replace('.jpg', '.png').splitlines()


def shrink(source: Path, target: Path) -> None:
    """Write a third of an image or mask."""
    array = cv2.imread(str(source), cv2.IMREAD_UNCHANGED)
    if array is None:
        raise SystemExit(f'{source} cannot be read as an image.')
    mask = array.ndim == 2
    way = cv2.INTER_NEAREST_EXACT if mask else cv2.INTER_AREA
    target.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(target), cv2.resize(array, SIZE, interpolation=way))


def held_out(rows: list[str]) -> list[str]:
    """Return every fifth row of each drive."""
    drives: dict[str, list[str]] = {}
    for row in sorted(rows):
        drives.setdefault(Path(row).name.partition('_')[0], []).append(row)
    return [row for drive in drives.values() for row in drive[::HELD_OUT]]


def main() -> None:
    """Write images, masks and lists."""
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    lists = {
        f'splits/{split}/{kind}.txt': read(source / f'splits/{split}/{kind}.txt')
        for split in SPLITS
        for kind in ('labeled', 'unlabeled')
    }
    lists['splits/val.txt'] = read(source / 'splits/val.txt')
    lists['splits/train.txt'] = read(source / 'splits/train.txt')
    few = lists['splits/1_16/labeled.txt']
    lists['splits/8/labeled.txt'] = few[:FEWEST]
    lists['splits/8/unlabeled.txt'] = few[FEWEST:] + lists['splits/1_16/unlabeled.txt']
    rows = lists[f'splits/{SPLITS[-1]}/unlabeled.txt']
    order = np.random.default_rng(0).permutation(len(rows))[:TUNING]
    tuning = [rows[i] for i in order]
    for split in ('8', *SPLITS):
        rows = lists[f'splits/{split}/unlabeled.txt']
        lists[f'splits/{split}/tuning.txt'] = tuning
        lists[f'splits/{split}/untuned.txt'] = [r for r in rows if r not in tuning]
    train = lists['splits/train.txt']
    out = held_out([row for row in train if row not in few + tuning])
    lists['splits/held_out.txt'] = out
    lists['splits/kept.txt'] = [row for row in train if row not in out]
    for name, rows in lists.items():
        for row in rows:
            for part in row.split():
                to = target / part
                if not to.exists():
                    name_from = (
                        part.replace('.png', '.jpg') if 'images/' in part else part
                    )
                    shrink(source / name_from, to)
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text('\n'.join(rows) + '\n')


if __name__ == '__main__':
    main()

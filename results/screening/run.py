"""Run the cells of cells.json one after another; what is finished is kept.

``python results/screening/run.py DATA WORK`` with the folder that holds
``camvid`` and one for the runs.  It may be killed and started again at any
time: a cell resumes from its last epoch.  A cell is a dict:

- ``name``, ``question``, ``data``, ``split``, ``method``;
- ``config``: beside this file; ``options``: of ``--cfg-options``;
- ``start``: name of a finished cell whose last checkpoint it starts from;
- ``report``: evaluate the last checkpoint on the list ``val.txt``, too.
"""

import csv
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TUNING = 60
FIELDS = (
    'question data split seed network steps method options miou_last miou_best '
    'accuracy_last list seconds_per_step commit'
).split()


def prepare_camvid(source: Path, target: Path) -> None:
    """Write CamVid at half size, and the lists of the screening.

    The 1/8 split; of its unlabeled images 60 drawn at random are the tuning
    list, and the others stay unlabeled.  ``labeled8.txt`` holds the first 8
    of the labeled images; ``all.txt`` these 45 and the unlabeled ones, to
    train on the masks of all.
    """
    if (target / 'all.txt').exists():  # written last
        return
    lists = dict(
        labeled=(source / 'splits/1_8/labeled.txt').read_text().splitlines(),
        unlabeled=(source / 'splits/1_8/unlabeled.txt').read_text().splitlines(),
        val=(source / 'splits/val.txt').read_text().splitlines(),
    )
    order = np.random.default_rng(0).permutation(len(lists['unlabeled']))
    rows = [lists['unlabeled'][i] for i in order]
    lists['tuning'], lists['unlabeled'] = rows[:TUNING], rows[TUNING:]
    lists['labeled8'] = lists['labeled'][:8]
    lists['all'] = lists['labeled'] + lists['unlabeled']
    for row in lists['all'] + lists['tuning'] + lists['val']:
        ways = (cv2.INTER_AREA, cv2.INTER_NEAREST_EXACT)
        for file, way in zip(row.split(), ways, strict=True):
            array = cv2.imread(str(source / file), cv2.IMREAD_UNCHANGED)
            to = (target / file).with_suffix('.png')
            to.parent.mkdir(parents=True, exist_ok=True)
            half = cv2.resize(array, None, fx=0.5, fy=0.5, interpolation=way)
            cv2.imwrite(str(to), half)
    for name, rows in lists.items():
        text = '\n'.join(rows).replace('.jpg', '.png') + '\n'
        (target / f'{name}.txt').write_text(text)


def prepare_third(source: Path, target: Path) -> None:
    """Write CamVid at a third of its size, and the lists of three splits.

    The tuning list is 60 images drawn at random from those that are unlabeled
    in every split; they are left out of the unlabeled ones.
    """
    if (target / 'val.txt').exists():  # written last
        return
    splits = {
        name: {
            kind: (source / f'splits/{name}/{kind}.txt').read_text().splitlines()
            for kind in ('labeled', 'unlabeled')
        }
        for name in ('1_16', '1_8', '1_4')
    }
    candidates = splits['1_4']['unlabeled']
    order = np.random.default_rng(0).permutation(len(candidates))
    tuning = [candidates[i] for i in order[:TUNING]]
    lists = dict(tuning=tuning)
    for name, rows in splits.items():
        lists[f'labeled_{name}'] = rows['labeled']
        lists[f'unlabeled_{name}'] = [r for r in rows['unlabeled'] if r not in tuning]
    lists['val'] = (source / 'splits/val.txt').read_text().splitlines()
    for row in {row for rows in lists.values() for row in rows}:
        ways = (cv2.INTER_AREA, cv2.INTER_NEAREST_EXACT)
        for file, way in zip(row.split(), ways, strict=True):
            array = cv2.imread(str(source / file), cv2.IMREAD_UNCHANGED)
            to = (target / file).with_suffix('.png')
            to.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(to), cv2.resize(array, (160, 120), interpolation=way))
    for name, rows in lists.items():
        text = '\n'.join(rows).replace('.jpg', '.png') + '\n'
        (target / f'{name}.txt').write_text(text)


def checkpoint(folder: Path) -> Path:
    """Return the last checkpoint of a cell."""
    return Path((folder / 'last_checkpoint').read_text().strip())


def run(cell: dict, folder: Path, work: Path, env: dict) -> None:
    """Train a cell, from where it was left."""
    config = str(HERE / cell['config'])
    options = [f'{key}={value}' for key, value in cell.get('options', {}).items()]
    if 'start' in cell:
        options.append(f'load_from={checkpoint(work / cell["start"])}')
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, 'tools/train.py', config, '--work-dir', str(folder)]
    resumed = (folder / 'last_checkpoint').exists()
    command += ['--resume'] if resumed else []
    command += ['--cfg-options', *options] if options else []
    with (folder / 'output.txt').open('a') as out:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=ROOT, env=env, stdout=out, stderr=out, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        if resumed:
            (folder / 'cpu_seconds').unlink(missing_ok=True)  # not all of them
        else:
            (folder / 'cpu_seconds').write_text(str(used))
        if not cell.get('report'):
            return
        command = [sys.executable, 'tools/test.py', config, str(checkpoint(folder))]
        options.append('test_dataloader.dataset.ann_file=val.txt')
        command += ['--work-dir', str(folder / 'val'), '--cfg-options', *options]
        subprocess.run(command, cwd=ROOT, env=env, stdout=out, stderr=out, check=True)


def seconds_per_step(folder: Path, steps: int) -> float | str:
    """Return the CPU seconds of a cell, start and validation included, per step.

    Empty for a cell that was interrupted.
    """
    file = folder / 'cpu_seconds'
    return round(float(file.read_text()) / steps, 2) if file.exists() else ''


def rows_of(cell: dict, folder: Path, commit: str) -> list[dict]:
    """Return the cell's rows of the table."""
    scores = json.loads((folder / 'results.json').read_text())
    steps = scores[-1]['iter']
    options = ' '.join(f'{k}={v}' for k, v in cell.get('options', {}).items())
    if 'start' in cell:
        options = f'start={cell["start"]} {options}'
    common = dict(
        question=cell['question'],
        data=cell['data'],
        split=cell['split'],
        seed=cell.get('options', {}).get('randomness.seed', 0),
        network=cell['network'],
        steps=steps,
        options=options.strip(),
        seconds_per_step=seconds_per_step(folder, steps),
        commit=commit,
    )
    rows = []
    for who in ('', 'teacher_'):
        miou = [row[f'{who}mIoU'] for row in scores if f'{who}mIoU' in row]
        if miou:
            rows.append(
                dict(
                    common,
                    method=cell['method'] + (' (teacher)' if who else ''),
                    miou_last=round(miou[-1], 2),
                    miou_best=round(max(miou), 2),
                    accuracy_last=round(scores[-1][f'{who}aAcc'], 2),
                    list='tuning',
                )
            )
    for file in sorted((folder / 'val').glob('*/*.json')):
        val = json.loads(file.read_text())
        rows.append(
            dict(
                common,
                method=cell['method'],
                miou_last=round(val['mIoU'], 2),
                miou_best='',
                accuracy_last=round(val['aAcc'], 2),
                list='val',
            )
        )
    return rows


def main() -> None:
    data, work = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    prepare_camvid(data / 'camvid', work / 'data/camvid')
    prepare_third(data / 'camvid', work / 'data/camvid_third')
    env = dict(os.environ, SCREENING_DATA=str(work / 'data'), OMP_NUM_THREADS='1')
    paths = [str(ROOT), *filter(None, [env.get('PYTHONPATH')])]
    env['PYTHONPATH'] = os.pathsep.join(paths)
    git = ['git', '-C', str(ROOT), 'rev-parse', '--short', 'HEAD']
    commit = subprocess.check_output(git, text=True).strip()
    cells_file = Path(sys.argv[3]) if len(sys.argv) > 3 else HERE / 'cells.json'
    while True:  # cells may be added meanwhile
        cells = json.loads(cells_file.read_text())
        table, todo = [], None
        for cell in cells:
            folder = work / cell['name']
            if (folder / 'done').exists():
                table += rows_of(cell, folder, (folder / 'done').read_text())
            elif todo is None and not (folder / 'failed').exists():
                todo = cell
        with (work / 'screening.csv').open('w', newline='') as file:
            writer = csv.DictWriter(file, FIELDS)
            writer.writeheader()
            writer.writerows(table)
        if todo is None:
            return
        folder = work / todo['name']
        print(todo['name'], flush=True)
        try:
            run(todo, folder, work, env)
            (folder / 'done').write_text(commit)
        except subprocess.CalledProcessError as error:
            (folder / 'failed').write_text(str(error))


if __name__ == '__main__':
    main()

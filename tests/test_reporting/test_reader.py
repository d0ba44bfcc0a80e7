"""Work dirs of finished, running, killed, resumed and incomplete trainings."""

import json
import math
import re
import shutil
import time

import pytest

from mmsemi.reporting import read_run, read_runs


def process(work_dir):
    """The folder of the only process."""
    (folder,) = (p for p in work_dir.iterdir() if re.fullmatch(r'\d{8}_\d{6}', p.name))
    return folder


def test_finished(rankmatch):
    run = read_run(rankmatch)
    assert (run.method, run.seed, run.by_epoch) == ('RankMatch', '0', True)
    assert (run.steps, run.total_steps, run.epoch_length) == (6, 6, 2)
    assert run.state(time.time()) == 'finished'
    assert [(v.epoch, v.step) for v in run.validations] == [(1, 2), (2, 4), (3, 6)]
    rows = json.loads((rankmatch / 'results.json').read_text())
    assert run.best().scores['mIoU'] == max(row['mIoU'] for row in rows)
    assert run.last.scores['mIoU'] == rows[-1]['mIoU']
    assert [p.step for p in run.scalars['loss_sup']] == [1, 2, 3, 4, 5, 6]
    assert all(math.isfinite(p.value) for p in run.scalars['loss_sup'])
    assert run.class_names == ['ground', 'disc', 'box', 'bar']
    assert sum(map(sum, run.last.confusion)) > 0
    assert ('val', '0', 3) in {(p.kind, p.image, p.time) for p in run.pictures}
    images = {p.image for p in run.pictures if p.kind != 'pseudo'}
    assert images == {'0', '1', '2'}, 'those of the validation alone'
    assert not run.missing


def test_teacher_and_steps(teacher):
    run = read_run(teacher)
    assert not run.by_epoch and run.total_steps == 5 and run.epoch_length == 2
    assert run.state(time.time()) == 'finished'
    assert run.last.scores.keys() > {'mIoU', 'teacher_mIoU'}
    assert not any('/' in name for name in run.last.scores)


def test_self_training(self_training):
    """Its trainings are runs of their own; the first round labels half the images."""
    run = read_run(self_training)
    assert [s.work_dir.name for s in run.stages] == [
        *('1_supervised', '2_reliability', '3_pseudo_labels'),
        *('4_retraining', '5_pseudo_labels', '6_retraining'),
    ]
    assert [bool(s.scalars) for s in run.stages] == [1, 0, 0, 1, 0, 1]
    assert [s.labeled_images for s in run.stages] == [None, None, 2, None, 5, None]
    scores = list(run.reliability.values())
    assert len(scores) == 5 and scores == sorted(scores, reverse=True)
    assert run.state(run.modified) == 'finished' and not run.missing


def test_in_progress(copied):
    """The last lines are not written yet."""
    folder = process(copied)
    scalars = folder / 'vis_data/scalars.json'
    lines = scalars.read_text().splitlines(keepends=True)
    before = [i for i, line in enumerate(lines) if '"iter": 4' in line][0]
    for file in (scalars, folder / f'vis_data/{folder.name}.json'):
        file.write_text(''.join(lines[:before]) + lines[before][:40])
    rows = json.loads((copied / 'results.json').read_text())
    (copied / 'results.json').write_text(json.dumps(rows[:1]))
    run = read_run(copied)
    assert (run.steps, run.total_steps) == (3, 6)
    assert run.state(run.modified + 60) == 'running'
    assert run.state(run.modified + 3600) == 'stopped'
    assert run.best().epoch == 1


def test_resumed(copied):
    """The steps after the checkpoint count once, as they were the second time."""
    first = process(copied)
    second = copied / '20990101_000000'
    shutil.copytree(first, second)
    (second / f'{first.name}.log').rename(second / f'{second.name}.log')
    file = second / 'vis_data/scalars.json'
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    rows = [r for r in rows if r.get('iter', 0) >= 5]
    for row in rows:
        row['train/loss'] = 7.0 if 'train/loss' in row else None
    file.write_text('\n'.join(map(json.dumps, rows)))
    run = read_run(copied)
    points = run.scalars['loss']
    assert [p.step for p in points] == [1, 2, 3, 4, 5, 6]
    assert [p.value == 7.0 for p in points] == [False] * 4 + [True] * 2
    assert run.seconds == 2 * read_run(copied).logs[0].seconds


def test_a_test_in_the_work_dir_is_no_training(copied):
    folder = copied / '20990101_000000'
    (folder / 'vis_data').mkdir(parents=True)
    (folder / 'vis_data/scalars.json').write_text('{"mIoU": 1.5, "step": 0}\n')
    log = '2099/01/01 00:00:00 - mmengine - WARNING - only a test\n'
    (folder / '20990101_000000.log').write_text(log)
    run = read_run(copied)
    assert len(run.logs) == 1 and 'mIoU' not in run.scalars
    assert not any('only a test' in each.text for each in run.warnings)


def test_sigterm(copied):
    folder = process(copied)
    for file in (copied / 'results.json', *folder.glob('vis_data/*.json')):
        file.unlink()
    with open(folder / f'{folder.name}.log', 'a') as log:
        log.write(
            '2099/01/01 00:00:00 - mmengine - WARNING - SIGTERM: interrupted.pth is '
            'saved; continue with `--resume`.\n'
        )
    run = read_run(copied)
    assert run.state(run.modified) == 'stopped'
    assert [w.text for w in run.warnings][-1].startswith('SIGTERM')


@pytest.mark.parametrize(
    'gone, said',
    [
        ('results.json', 'results.json'),
        ('*/vis_data', 'scalars.json'),
        ('*/*.log', 'The log'),
        ('*/vis_data/vis_image', 'Pictures'),
    ],
)
def test_missing_pieces_are_named(copied, gone, said):
    for path in copied.glob(gone):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    run = read_run(copied)
    assert any(said in text for text in run.missing)
    assert run.config


def test_without_a_config(copied):
    for file in (*copied.glob('*.py'), *copied.glob('*/vis_data/config.py')):
        file.unlink()
    run = read_run(copied)
    assert any('config' in text for text in run.missing)
    assert run.method == '?' and run.best().scores['mIoU'] >= 0


@pytest.mark.parametrize('content', ['', '[{"epoch": 1', '{}', '[1]', '[{"a": 1}]'])
def test_damaged_results(copied, content):
    (copied / 'results.json').write_text(content)
    run = read_run(copied)
    assert run.validations == [] and any('results.json' in m for m in run.missing)


def test_warnings(copied):
    """Warnings of mmsemi are listed once each with their step, others not."""
    folder = process(copied)
    file = folder / f'{folder.name}.log'
    head = '2099/01/01 00:00:00 - mmengine - WARNING - '
    text = file.read_text()
    place = text.index('\n', text.index('Epoch(train) [2][2/2]')) + 1
    added = f'{head}The network has collapsed.\nLower it.\n' * 2
    added += f'{head}The prefix is not set in metric class ConfusionIoUMetric.\n'
    file.write_text(text[:place] + added + text[place:])
    (found,) = (w for w in read_run(copied).warnings if 'collapsed' in w.text)
    assert found.text == 'The network has collapsed.\nLower it.'
    assert (found.step, found.count) == (4, 2)
    assert not any('prefix' in w.text for w in read_run(copied).warnings)


def test_confusion_in_its_own_file(copied):
    rows = json.loads((copied / 'results.json').read_text())
    matrix = rows[-1]['confusion']
    for row in rows:
        row['confusion'] = f'confusion/epoch_{row["epoch"]}.json'
    (copied / 'confusion').mkdir()
    file = copied / 'confusion/epoch_3.json'
    file.write_text(json.dumps(dict(classes=['a'], confusion=matrix)))
    (copied / 'results.json').write_text(json.dumps(rows))
    run = read_run(copied)
    assert run.last.confusion == matrix and run.validations[0].confusion is None


def test_wrong_folders(rankmatch, tmp_path):
    with pytest.raises(FileNotFoundError, match='--work-dir'):
        read_run(tmp_path / 'nowhere')
    with pytest.raises(ValueError, match='holds no training: .* --work-dir'):
        read_run(tmp_path)
    with pytest.raises(ValueError, match='part of a work dir'):
        read_run(process(rankmatch))
    with pytest.raises(ValueError, match=f'as in .*{rankmatch.name}'):
        read_run(rankmatch.parent)
    with pytest.raises(ValueError, match='twice'):
        read_runs([rankmatch, rankmatch / '.'])


def test_names_tell_runs_apart(copied, tmp_path):
    for name in ('a/seed0', 'b/seed0'):
        shutil.copytree(copied, tmp_path / name)
    names = [r.name for r in read_runs([tmp_path / 'a/seed0', tmp_path / 'b/seed0'])]
    assert names == ['a/seed0', 'b/seed0']
    assert [r.name for r in read_runs([tmp_path / 'a/seed0', copied])] == [
        'seed0',
        'copied',
    ]

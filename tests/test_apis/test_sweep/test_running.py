"""A sweep is interrupted, run again, changed, and a cell of it fails."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from mmsemi.apis.sweep import read_sweep, run_sweep
from mmsemi.apis.sweep.listing import list_cells
from mmsemi.apis.sweep.places import LocalPlaces, start
from mmsemi.apis.sweep.rows import read_csv
from mmsemi.commands.report import report
from tests.helpers.tools import TINY

CONFIG = """
_base_ = {tiny!r}
visualizer = dict(vis_backends=[dict(type='LocalVisBackend')])
"""
SWEEP = """
methods = dict(
    First='config.py',
    Second=dict(
        config='config.py', origin='ours', cfg_options={{'train_cfg.max_epochs': 1}}),
    Broken=dict(config='config.py', cfg_options={{'model.gama': 1}}),
    Late=dict(config='config.py', start='Broken'),
)
splits = {{'1/2': 'splits/labeled.txt'}}
seeds = 7
cfg_options = {{
    'data_root': {data!r},
    'train_cfg.max_epochs': 6,
    'train_cfg.val_interval': 6,
    'default_hooks.logger.interval': 1,
}}
start = 'First'
csv = 'table.csv'
"""
CELLS = 'work_dirs/sweep/tiny'


def interrupt(file: Path) -> None:
    """Send this process SIGINT once a file exists."""

    def wait() -> None:
        while not file.exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=wait, daemon=True).start()


@pytest.fixture(scope='module')
def folder(tmp_path_factory, tiny_data):
    """Return a folder with a sweep and a config."""
    folder = tmp_path_factory.mktemp('sweep')
    (folder / 'config.py').write_text(CONFIG.format(tiny=str(TINY)))
    text = SWEEP.format(data=str(tiny_data))
    (folder / 'tiny.py').write_text(text)
    return folder


@pytest.fixture(scope='module')
def outputs(folder):
    """Run the sweep, interrupted in its first cell, and again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv('OMP_NUM_THREADS', '1')
        cell = folder / CELLS / 'First/1-2/seed7'
        interrupt(cell / 'epoch_1.pth')
        with pytest.raises(KeyboardInterrupt):
            run_sweep('tiny.py')
        assert (cell / 'interrupted.pth').exists()
        return run_sweep('tiny.py')


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)


def test_interrupted_cell_saves_and_resumes(outputs, folder):
    logs = sorted((folder / CELLS / 'First/1-2/seed7').glob('*/*.log'))
    assert len(logs) == 2
    assert all('interrupted.pth' in log.read_text() for log in logs)
    row = outputs.rows[0]
    assert row.key == ('First', '1/2', '', 7)
    assert 0 < row.miou_last <= row.miou_best <= 100
    assert 0.001 < row.seconds_per_step < 10


def test_cell_starts_from_another(outputs, folder):
    (log,) = (folder / CELLS / 'Second/1-2/seed7').glob('*/*.log')
    assert 'First/1-2/seed7/epoch_6.pth' in log.read_text()
    row = outputs.rows[1]
    assert row.method == 'Second' and row.origin == 'ours'
    assert 'load_from=First/1-2/seed7' in row.settings


def test_failed_cell_is_named_and_the_others_go_on(outputs):
    done = outputs
    assert [row.method for row in done.rows] == ['First', 'Second']
    ((name, why),) = done.failed.items()
    assert name == 'Broken/1-2/seed7'
    assert why.startswith('error: ') and 'gama' in why


def test_table_has_the_finished_cells(outputs, folder):
    assert read_csv(folder / 'table.csv') == outputs.rows


def test_finished_cells_are_not_run_again(outputs, here, monkeypatch):
    begun = []
    monkeypatch.setattr(
        LocalPlaces, 'begin', lambda self, cell: begun.append(cell.name) or Failing()
    )
    monkeypatch.setattr(LocalPlaces, 'end', lambda self, run: None)
    run_sweep('tiny.py')
    assert begun == ['Broken/1-2/seed7']


class Failing:
    """A run that fails at once."""

    def poll(self):
        return 1


def test_listing(outputs, here, capsys):
    list_cells('tiny.py')
    said = capsys.readouterr().out
    assert '# First/1-2/seed7: finished' in said
    assert '# Broken/1-2/seed7: failed: error: ' in said
    assert '# Late/1-2/seed7: to do' in said
    assert '# 2 of 4 are finished.' in said


def test_report_takes_a_sweep(outputs, here, folder):
    report([Path('tiny.py')], out=Path('page.html'))
    page = (folder / 'page.html').read_text()
    assert 'First/1-2/seed7' in page and 'Second/1-2/seed7' in page
    assert 'Broken' not in page


def test_changed_cells_are_refused(outputs, here, folder):
    text = (folder / 'tiny.py').read_text()
    changed = folder / 'changed.py'
    changed.write_text(
        text.replace("'train_cfg.max_epochs': 1}", "'train_cfg.max_epochs': 2}")
    )
    with pytest.raises(
        ValueError, match='cells were trained with other settings'
    ) as error:
        run_sweep('changed.py', CELLS)
    assert 'Second/1-2/seed7: settings: ' in str(error.value)
    assert 'First/1-2' not in str(error.value).partition('settings:')[0]


def test_changed_config_is_named(outputs, here, folder):
    config = folder / 'config.py'
    before = config.read_text()
    config.write_text(before + 'optim_wrapper = dict(optimizer=dict(lr=0.5))\n')
    try:
        with pytest.raises(ValueError) as error:
            run_sweep('tiny.py')
    finally:
        config.write_text(before)
    assert str(error.value).startswith('2 cells'), 'not the one that failed'
    assert 'optim_wrapper.optimizer.lr: 0.01, now 0.5' in str(error.value)
    assert read_sweep('tiny.py').rows == outputs.rows


def test_two_processes_do_not_train_one_cell(outputs, here):
    cell = read_sweep('tiny.py').cells[0]
    with cell.locked():
        assert start(cell, {}) is None


def test_unknown_cells_are_named(outputs, here):
    with pytest.raises(ValueError, match='No cell is named Nothing'):
        run_sweep('tiny.py', only=['Nothing'])


def test_gpus(monkeypatch):
    began = []
    monkeypatch.setattr(
        'mmsemi.apis.sweep.places.start', lambda cell, env: began.append(env)
    )
    places = LocalPlaces(gpus=['2', '5'], threads=3)
    first = places.begin(None)
    places.begin(None)
    assert not places.free
    places.end(first)
    places.begin(None)
    assert [env['CUDA_VISIBLE_DEVICES'] for env in began] == ['2', '5', '2']
    assert began[0]['OMP_NUM_THREADS'] == '3'
    with pytest.raises(ValueError, match='each GPU trains one cell'):
        LocalPlaces(jobs=3, gpus=['0'])

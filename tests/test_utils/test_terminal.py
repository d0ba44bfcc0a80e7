"""What reaches the terminal, and what only the log file."""

import logging
from argparse import Namespace

import pytest
from mmengine.logging import MMLogger, print_log

from mmsemi.utils.config import load_config
from mmsemi.utils.terminal import FILE_ONLY, TerminalHandler, calm, near, say, say_rows


@pytest.fixture(params=('INFO', 'DEBUG'))
def logger(request, tmp_path):
    """A logger of a run, at two levels."""
    name = f'terminal_{request.param}_{tmp_path.name}'
    file = str(tmp_path / 'log')
    return calm(MMLogger(name, name, log_file=file, log_level=request.param))


def say_all(logger):
    """Say something of every kind: by a library, and by this file."""
    print_log('note of a library', logger)
    print_log('warning of a library', logger, logging.WARNING)
    print_log('"FileClient" will be deprecated in future. Use', logger, logging.WARNING)
    logger.info('note')
    logger.info('detail', extra=FILE_ONLY)
    logger.warning('warning')
    try:
        raise KeyError('lost')
    except KeyError:
        logger.exception('error')


def test_a_terminal_shows_what_a_reader_needs(logger, capsys, tmp_path):
    say_all(logger)
    shown = capsys.readouterr().out
    noise = ('note of a library', 'detail', 'FileClient')
    debugging = logger.handlers[0].level == logging.DEBUG
    assert [text in shown for text in noise] == 3 * [debugging]
    for line in ('note', 'warning: warning', 'warning: warning of a library'):
        assert f'{line}\n' in shown
    assert 'error: error\nTraceback' in shown and "KeyError: 'lost'" in shown
    log = (tmp_path / 'log').read_text()
    assert all(text in log for text in (*noise, 'note\n', 'lost'))


def test_other_processes_show_errors_alone(capsys):
    """MMEngine gives their handler the level ERROR, which stays."""
    logger = MMLogger('other', 'other')
    logger.handlers[0].setLevel(logging.ERROR)
    logger.handlers[0].addFilter(lambda record: 'secret' not in record.msg)
    say_all(calm(logger))
    logger.error('secret')
    shown = capsys.readouterr().out
    assert shown.startswith('error: error\n') and 'secret' not in shown
    assert type(logger.handlers[0]) is TerminalHandler
    assert calm(logger).handlers[0].level == logging.ERROR


@pytest.mark.parametrize(('rank', 'lines'), [('0', 3), ('1', 0)])
def test_one_of_many_processes_speaks(rank, lines, monkeypatch, capsys):
    """Also before torch.distributed is set up; long lines are not broken."""
    monkeypatch.setenv('RANK', rank)
    say('x' * 300)
    say_rows([('name', 'y' * 300), ('none', None), ('other', 2)])
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == lines
    if lines:
        assert shown == ['x' * 300, f'name   {"y" * 300}', 'other  2']


def test_paths_are_as_one_would_type_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert near(tmp_path / 'runs/one') == near('runs/one') == 'runs/one'
    assert near(tmp_path.parent) == str(tmp_path.parent)


def test_reading_a_config_says_nothing(tmp_path, monkeypatch, capsys):
    """MMEngine notes each variable of the environment that a config names."""
    file = tmp_path / 'config.py'
    file.write_text(
        "custom_names = ['data_root']\ndata_root = '{{$MMSEMI_DATA:data}}'\n"
    )
    monkeypatch.setenv('MMSEMI_DATA', str(tmp_path))
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setenv('LOCAL_RANK', '0')
    arguments = dict(cfg_options=None, local_rank=0, launcher='none')
    cfg = load_config(Namespace(config=str(file), **arguments))
    assert cfg.data_root == str(tmp_path)
    assert capsys.readouterr() == ('', '')

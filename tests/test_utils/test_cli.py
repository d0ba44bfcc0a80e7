"""Expected errors are one message; others keep their traceback."""

import re
import sys

import pytest
import torch
import typer

from mmsemi.commands.main import app
from mmsemi.utils.cli import expected_message, prints_errors, run_tool
from tests.helpers.tools import ROOT, TINY, run

LOG = re.compile(r'\d{4}/\d\d/\d\d ')


def last_lines(output):
    """The lines of an output that a user reads last."""
    return [line for line in output.splitlines() if line.strip()]


@pytest.mark.parametrize(
    'args, words',
    [
        (['tools/train.py', 'configs/nowhere.py'], 'no config configs/nowhere.py'),
        (
            ['tools/train.py', TINY, '--cfg-options', 'crop_siz=3'],
            'did you mean crop_size',
        ),
        (['tools/test.py', TINY, 'no.pth'], 'There is no file no.pth'),
        (
            ['tools/train.py', TINY, '--cfg-options', 'data_root=/no'],
            'There is no data root /no',
        ),
        (['tools/predict.py', 'nowhere', TINY, 'a.pth', '--out-dir', 'x'], 'nowhere'),
        (['tools/export_teacher.py', 'nowhere.pth', 'out.pth'], 'nowhere.pth'),
        (['tools/data/check_dataset.py', TINY, '--cfg-options', 'a=1'], 'a is set'),
        (['tools/data/convert_masks.py', 'cityscapes', '--data-root', '/no'], '/no'),
        (
            ['tools/data/prepare_splits.py', 'x', '--generate', '0'],
            'data/x/splits/train.txt',
        ),
        (
            [
                *('tools/data/init_dataset.py', '--images', '/no', '--masks', '/no'),
                *('--classes', '/no/classes.txt', '--out', '/no/out'),
            ],
            '/no',
        ),
        (['tools/model_converters/to_released.py', 'no.pth', 'x.pth'], 'no.pth'),
        (['tools/model_converters/from_released.py', 'no.pth', 'x.pth'], 'no.pth'),
        (['tools/analysis/corrmatch_pictures.py', 'a.png', TINY, 'b.pth'], '--out-dir'),
    ],
)
def test_tools(args, words):
    """One line is last, and no traceback is above it."""
    output = run('python', *args, ok=False)
    assert 'Traceback' not in output
    assert words in last_lines(output)[-1] and 'error: ' in last_lines(output)[-1]


def test_after_the_log(tiny_data, tmp_path):
    """While a run is set up: the log, then the message."""
    options = (
        *('--work-dir', tmp_path, '--cfg-options', f'data_root={tiny_data}'),
        'model.decode_head.loss_decode.gama=2',
    )
    output = run('python', 'tools/train.py', TINY, *options, ok=False)
    assert 'Traceback' not in output
    assert last_lines(output)[-1].startswith(
        'error: model.decode_head.loss_decode.gama'
    )
    output = run('python', 'tools/train.py', TINY, '--traceback', *options, ok=False)
    assert 'Traceback' in output and 'gama=2: Pixel' in last_lines(output)[-1]


def test_in_a_loader_worker(tiny_data, tmp_path):
    """A damaged image, found by another process in the middle of training."""
    (tmp_path / 'splits').mkdir()
    for name in ('images', 'labels'):
        (tmp_path / name).symlink_to(tiny_data / name)
    lines = (tiny_data / 'splits/train.txt').read_text().splitlines()
    for name in ('train', 'val', 'labeled'):
        (tmp_path / f'splits/{name}.txt').write_text(
            (tiny_data / f'splits/{name}.txt').read_text()
        )
    image = (tiny_data / lines[-1].split()[0]).read_bytes()
    (tmp_path / 'damaged.png').write_bytes(image[: len(image) // 2])
    (tmp_path / 'splits/train.txt').write_text('\n'.join([*lines, 'damaged.png']))
    output = run(
        *('python', 'tools/train.py', TINY, '--work-dir', tmp_path / 'work'),
        *('--cfg-options', f'data_root={tmp_path}', 'rehearse=False'),
        'train_dataloader.num_workers=1',
        ok=False,
    )
    assert 'Traceback' not in output and 'worker process' not in output
    # OpenCV warns from C++, when its output is flushed.
    assert re.search(f'^error: .*{tmp_path}/damaged.png', output, re.MULTILINE)


def test_two_processes_print_one_message(tiny_data, tmp_path):
    output = run(
        *('bash', 'tools/dist_train.sh', TINY, '2', '--work-dir', tmp_path),
        *('--cfg-options', f'data_root={tiny_data}', 'model.decode_head.gama=2'),
        env=dict(CUDA_VISIBLE_DEVICES='-1', PYTHON=sys.executable),
        ok=False,
    )
    assert output.count('error: model.decode_head.gama=2') == 1
    assert 'gama=2' in last_lines(output)[-1] and 'Traceback' not in output
    output = run(
        *('bash', 'tools/dist_train.sh', TINY, '2', '--cfg-options', 'crop_siz=3'),
        env=dict(CUDA_VISIBLE_DEVICES='-1', PYTHON=sys.executable),
        ok=False,
    )
    assert output.count('did you mean crop_size') == 1
    assert 'crop_siz' in last_lines(output)[-1] and 'Traceback' not in output


def fail(error):
    """Raise an error, as a tool that has a fault."""
    raise error


@pytest.mark.parametrize(
    'error, traceback, words',
    [
        (ValueError('from elsewhere'), True, 'not expected. Please report'),
        (KeyError('x'), True, 'not expected'),
        (FileNotFoundError(2, 'No such file', 'a.txt'), False, 'a.txt: No such file'),
        (torch.OutOfMemoryError('CUDA out of memory.'), False, 'Use a smaller batch'),
    ],
)
def test_kinds(error, traceback, words, capsys):
    with pytest.raises(SystemExit, match='1'):
        run_tool(lambda: fail(error))
    printed = capsys.readouterr().err
    assert ('Traceback' in printed) == traceback
    assert words in last_lines(printed)[-1]


def test_another_process_that_ended_is_named_by_its_address():
    error = RuntimeError(
        '[/x/gloo/pair.cc:553] Connection closed by peer [10.0.0.2]:5. This is '
        'typically caused by a remote worker crashing. Check its logs.'
    )
    message = 'Another process of this run has ended ({}).'
    said = message.format('Connection closed by peer [10.0.0.2]:5')
    assert expected_message(error) == said


@pytest.mark.parametrize(
    'machine, rank, printed', [('0', '0', False), ('1', '0', True), ('1', '1', False)]
)
def test_each_machine_says_that_the_first_has_ended(
    machine, rank, printed, monkeypatch
):
    """The store that counts the messages has ended with it."""

    class Gone:
        def add(self, *args):
            raise RuntimeError

    monkeypatch.setenv('GROUP_RANK', machine)
    monkeypatch.setenv('LOCAL_RANK', rank)
    monkeypatch.setattr('mmsemi.utils.cli._is_distributed', lambda: True)
    monkeypatch.setattr('mmsemi.utils.compat.default_store', Gone)
    assert prints_errors('Another process of this run has ended.') == printed
    assert prints_errors('Something else.')


def test_status(capsys):
    run_tool(lambda: None)
    with pytest.raises(SystemExit, match='3'):
        run_tool(lambda: 3)
    with pytest.raises(SystemExit, match='143'):
        run_tool(lambda: fail(SystemExit(143)))
    assert not capsys.readouterr().err
    with pytest.raises(SystemExit, match='130'):
        run_tool(lambda: fail(KeyboardInterrupt()))
    assert capsys.readouterr().err == 'Interrupted.\n'


def test_every_tool_can_show_the_traceback():
    tools = [f for f in (ROOT / 'tools').rglob('*.py') if f.parent.name != 'dev']
    for tool in tools:
        assert 'run_tool(main)' in tool.read_text(), tool
    for name, command in commands(typer.main.get_command(app)):
        assert any('--traceback' in param.opts for param in command.params), name


def commands(group):
    """The names and commands of a command line, also those below others."""
    for name, command in group.commands.items():
        if hasattr(command, 'commands'):
            yield from commands(command)
        else:
            yield name, command

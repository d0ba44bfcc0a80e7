"""What is typed wrongly is one line, with the cure."""

import re
import sys

import pytest
import torch

from mmsemi.commands.main import app
from mmsemi.commands.shared import run_app
from mmsemi.utils.cli import run_tool
from tests.helpers.tools import TINY


@pytest.fixture
def mmsemi(monkeypatch, capsys, tmp_path):
    """Run the command in this process, in an empty folder; return its message."""
    monkeypatch.chdir(tmp_path)

    def run(*args, status=1):
        monkeypatch.setattr(sys, 'argv', ['mmsemi', *map(str, args)])
        with pytest.raises(SystemExit) as end:
            run_tool(lambda: run_app(app, 'mmsemi'))
        assert end.value.code == status
        printed = capsys.readouterr()
        assert not printed.out and 'Traceback' not in printed.err
        return printed.err

    return run


@pytest.mark.parametrize(
    'words, message',
    [
        (['trian'], "No such command 'trian'. Did you mean 'train'?"),
        (['train'], "Missing argument 'config'"),
        (['train', 'my.py', '--work-dri', 'x'], '--work-dri'),
        (['test', 'my.py', 'a.pth', '--launcher', 'ssh'], "'ssh' is not one of"),
        (['train', 'my.py', '--cfg-options', 'a'], 'KEY=VALUE'),
    ],
)
def test_command_line(words, message, mmsemi):
    printed = mmsemi(*words, status=2)
    assert message in printed.splitlines()[-1]
    assert printed.startswith('Usage: mmsemi')


@pytest.mark.parametrize(
    'config, message',
    [
        ('rankmach/pascal_1-16', r'did you mean rankmatch/pascal_1-16\b'),
        ('pascal_1-16', r'did you mean \w+/pascal_1-16\b'),
        ('configs/rankmatch/pascal_1-61.py', r'did you mean rankmatch/pascal_1-16\b'),
        ('nowhere.py', 'There is no config nowhere.py: `mmsemi ls` lists'),
        ('folder', 'folder is a folder: name a file in it, such as folder/my.py'),
        ('.', r'\. is a folder: name a file in it, such as broken\.py'),
        ('notes.txt', r'cannot be read: .*py/yml/yaml/json'),
        ('broken.py', r'broken.py cannot be read: .*line 2: .*NameError'),
    ],
)
def test_config(config, message, mmsemi, tmp_path):
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'folder/my.py').write_text('')
    (tmp_path / 'notes.txt').write_text('my notes')
    (tmp_path / 'broken.py').write_text('a = 1\nb = c\n')
    printed = mmsemi('train', config)
    assert printed.count('\n') == 1 and re.search(f'^error: .*{message}', printed)


LFS = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n'


@pytest.mark.parametrize('command', ['test', 'predict'])
@pytest.mark.parametrize(
    'file, message',
    [
        ('nowhere.pth', r'There is no file nowhere.pth. In its folder there is \w+'),
        ('runs', 'runs is a folder.*such as runs/best_mIoU_epoch_3.pth'),
        ('empty.pth', 'empty.pth is empty'),
        ('lfs.pth', 'pointer of Git LFS.*git lfs pull'),
        ('page.pth', 'is a web page'),
        ('text.pth', 'is damaged or no checkpoint'),
        ('other.pth', 'is not of this network: it lacks'),
    ],
)
def test_checkpoint(command, file, message, mmsemi, tmp_path, tiny_data, monkeypatch):
    (tmp_path / 'runs').mkdir()
    for name in ('best_mIoU_epoch_3.pth', 'epoch_9.pth'):
        (tmp_path / 'runs' / name).write_text('')
    texts = dict(empty='', lfs=LFS, page=' <!DOCTYPE html><html>', text='some text')
    for name, text in texts.items():
        (tmp_path / f'{name}.pth').write_text(text)
    torch.save(dict(state_dict=dict(a=torch.zeros(1))), tmp_path / 'other.pth')
    options = ('--cfg-options', f'data_root={tiny_data}')
    if command == 'test':
        if file in ('text.pth', 'other.pth'):
            pytest.skip('found when it is loaded, after the log')
        printed = mmsemi('test', TINY, file, *options)
    else:
        images = tiny_data / 'images'
        printed = mmsemi('predict', images, TINY, file, '--out-dir', 'out', *options)
    assert printed.count('\n') == 1 and re.search(f'^error: .*{message}', printed)

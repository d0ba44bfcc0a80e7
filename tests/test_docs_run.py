"""The commands that the documents show run, on images that are made here.

Those of published data sets need the data: ``MMSEMI_DATA`` names the folder that
holds them, or they are skipped.  Those that are not run have their reason here.
"""

import re
import shlex
import shutil

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmsemi.models.methods import SemiSegmentor
from mmsemi.registry import MODELS
from mmsemi.utils.files import data_folder
from tests.helpers.tools import ROOT, TINY
from tests.test_docs_commands import CASES, GROUP, as_command

NOT_RUN = {
    r'make ': 'all of them run for every change of the project',
    r'pip ': 'installs packages',
    r'python benchmarks/': 'takes minutes; tests/test_benchmarks runs them on less',
    r'tools/dist_': 'test_workflow.py runs it with two processes',
    r'tools/slurm_': 'needs a cluster',
    r'.* --nproc ': 'test_workflow.py runs it with two processes',
    r'(mmsemi splits|.*prepare_splits\.py) (?!camvid)': 'downloads lists',
    r'.*convert_masks\.py|mmsemi convert-masks': 'needs the masks of that data set',
    r'.*(from|to)[_-]released': 'needs a checkpoint of the authors',
    r'mmsemi demo': '`make demo` is the same',
    r'mmsemi train demo/': '`make demo` trains it',
    r'.*--annotations': 'tests/test_preparation/test_own runs it on each kind of file',
    r'.*--compile': 'takes minutes; tests/test_tools runs it',
    r'.*--generate': 'tests/test_preparation/test_splits runs it',
    r'mmsemi sweep': 'takes minutes; tests/test_apis/test_sweep runs a shorter one',
    r'mmsemi report': 'needs runs; tests/test_apis/test_report makes some',
    r'.*--install-completion': 'changes the shell of the user',
}
# A training here is one or two steps.
SHORT = (
    'train_cfg.max_epochs=1',
    'train_cfg.val_interval=1',
    'rehearse=False',
    'model.backbone.init_cfg=None',
)
STAND_IN = {'CONFIG': 'tiny.py', 'CHECKPOINT': 'random.pth', 'BEST.pth': 'random.pth'}


def reason_not_to_run(words):
    """Return why a command is not run, or None."""
    line = ' '.join(words)
    return next((why for rule, why in NOT_RUN.items() if re.match(rule, line)), None)


def published(words):
    """Return the published data set whose config a command trains, or None."""
    name, args = as_command(words)
    found = re.match(
        r'(?:configs/)?\w+/(pascal|cityscapes|coco|ade20k)[_-]', ' '.join(args)
    )
    return found[1] if found and name == 'train' else None


def run(words, monkeypatch):
    """Run a command in this process, as `mmsemi` would."""
    name, args = as_command(words)
    args = [
        STAND_IN.get(
            word, word.replace('METHOD', 'fixmatch').replace('/fast/disk/', '')
        )
        for word in args
    ]
    if name == 'train':
        args += ['--cfg-options', *SHORT]
    monkeypatch.setattr('sys.argv', ['mmsemi', name, *args])
    GROUP.main([name, *args], prog_name='mmsemi', standalone_mode=False)


@pytest.fixture(scope='module')
def network(tmp_path_factory):
    """A checkpoint of the tiny network, with random weights."""
    init_default_scope('mmsemi')
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(TINY).model)
    assert isinstance(model, SemiSegmentor)
    file = tmp_path_factory.mktemp('network') / 'random.pth'
    torch.save(dict(state_dict=model.state_dict()), file)
    return file


@pytest.fixture
def reader(tiny_data, network, tmp_path, monkeypatch):
    """The folder of someone who follows a page: photos, masks, a trained network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('MMSEMI_DATA', raising=False)
    for name in ('photos', 'masks', 'more', 'more_photos', 'data'):
        (tmp_path / name).mkdir()
    rng = np.random.default_rng(0)
    for i in range(12):
        mask = np.repeat(np.arange(4, dtype=np.uint8), 16)[None].repeat(64, 0)
        image = rng.integers(0, 60, (64, 64, 3)) + 60 * mask[..., None]
        folder = 'photos' if i < 8 else 'more_photos'
        cv2.imwrite(f'{folder}/{i}.png', image.astype(np.uint8))
        if i < 8:
            cv2.imwrite(f'masks/{i}.png', mask)
        else:
            cv2.imwrite(f'more/{i}.png', image.astype(np.uint8))
    (tmp_path / 'classes.txt').write_text('ground\ndisc\nbox\nbar\n')
    shutil.copytree(tiny_data, 'data/camvid')
    cfg = Config.fromfile(TINY)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.data_root = str(tiny_data)
    cfg.dump('tiny.py')
    shutil.copy(network, 'random.pth')
    (tmp_path / 'tools').symlink_to(ROOT / 'tools')
    (tmp_path / 'configs').mkdir()
    for child in (ROOT / 'configs').iterdir():
        (tmp_path / 'configs' / child.name).symlink_to(child)
    return tmp_path


PAGES = {}
for case, words in CASES.items():
    if not reason_not_to_run(words) and as_command(words):
        PAGES.setdefault(case.split(':')[0], []).append(words)


@pytest.mark.parametrize('page', PAGES)
def test_page_runs(page, reader, monkeypatch):
    for words in PAGES[page]:
        if not published(words):
            run(words, monkeypatch)


@pytest.mark.parametrize(
    'words',
    [words for page in PAGES.values() for words in page if published(words)],
    ids=shlex.join,
)
def test_published_setting_runs(words, monkeypatch, tmp_path):
    folder = data_folder() / published(words)
    if not folder.is_dir():
        pytest.skip(f'needs {folder}: docs/data.md says how to get it')
    monkeypatch.chdir(tmp_path)
    run(words, monkeypatch)

"""What the documents show runs: commands, and blocks of Python, page after page.

Images are painted, trainings are shortened, and a tiny network stands for the
CONFIG and the CHECKPOINT of the reader.  Commands on a published data set need its
images, in the folder that ``MMSEMI_DATA`` names, and are skipped without them.
Each command that is not run here has its reason in ``NOT_RUN``.
"""

import ast
import re
import runpy
import shlex
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope

from mmsemi.apis import read_sweep
from mmsemi.models.methods import SemiSegmentor
from mmsemi.registry import MODELS
from mmsemi.utils.config import resolve_settings
from mmsemi.utils.files import data_folder
from tests.helpers.networks import streams
from tests.helpers.pages import PAGES, commands, shown
from tests.helpers.runs import NO_ENVIRONMENT
from tests.helpers.tools import ROOT, TINY
from tests.test_contributing import make_camvid
from tests.test_docs_commands import GROUP, as_command

# Tests of their own run these pages literally.
OTHER_TESTS = {
    'CONTRIBUTING.md': 'tests/test_contributing.py',
    'docs/extending.md': 'tests/test_extending.py',
}
NOT_RUN = {
    r'make demo|mmsemi demo|mmsemi train demo/': 'tests/test_tools/test_demo.py '
    'trains both, shorter',
    r'make (docs|lint|test)': '.ci/run runs it for every change',
    r'pip ': 'it changes the environment',
    r'.* --work-dir s3:': 'needs a bucket: '
    'tests/test_tools/test_remote_data.py serves one',
    r'.* --nproc 4 --nnodes': 'needs two machines',
    r'.* --nproc 4': 'tests/test_utils/test_launching.py and '
    'tests/test_tools/test_workflow.py start two processes',
    r'tools/slurm_': 'needs a cluster',
    r'.*prepare_splits\.py .*(?<!8 4)$|mmsemi splits': 'downloads lists: '
    'tests/test_tools/test_prepare_splits.py does from a server of its own',
    r'.*convert_masks\.py|mmsemi convert-masks': 'needs official masks: '
    'tests/test_tools/test_convert_masks.py paints some',
    r'.*(from|to)[_-]released': "needs the authors' checkpoint: "
    'tests/test_tools/test_model_converters.py makes some',
    r'.*--annotations': 'tests/test_tools/test_convert_masks.py does, and trains',
    r'.*--compile': 'compiles for minutes',
    r'mmsemi sweep results/camvid': 'trains for days',
    r'mmsemi sweep results/scenes.py$': 'trains for an hour: '
    'tests/test_apis/test_sweep/test_running.py runs a shorter one',
    r'mmsemi analyze .*--teacher': 'needs an EMA teacher, and masks of unlabeled '
    'images: tests/test_commands/test_analyze.py has both',
    r'mmsemi train .*pseudo_list': 'needs written masks: '
    'tests/test_commands/test_predict.py writes some, and trains',
    r'mmsemi sweep my/folds_5.py': 'trains for hours: '
    'tests/test_tools/test_init_dataset.py reads the plan',
    r'mmsemi sweep .*--slurm': 'needs a cluster: '
    'tests/test_apis/test_sweep/test_slurm.py makes the jobs',
    r'python benchmarks/help_time': 'starts every command: '
    'tests/test_commands/test_help.py asks for every help in one process',
    r'python benchmarks/scale': 'times steps of large crops for minutes',
    r'python results/': 'needs the images, and trains for days',
}
# A training here is an epoch of small crops, from random weights.
SHORT = (
    'train_cfg.max_epochs=1',
    'train_cfg.val_interval=1',
    'model.backbone.init_cfg=None',
    'total_batch_size=2',
    'rehearse=False',
)
BENCHMARKS = {
    'data_speed': '--samples 8 --rounds 1 --workers 0 --painted 40x48',
    'evaluation': '--height 40 --width 48 --crop 33 --repeats 2',
    'exported': '--height 40 --width 48 --repeats 2',
    'kernels': '--repeats 2',
    'many_images': '--one 1000',
    'memory': '--crops 33 --cfg-options total_batch_size=4',
    'propagation': '--repeats 2 --side 9 --crop 65 --regions 8',
    'rank_loss': '--repeats 2 --channels 8 --sizes 9:65',
    'step_time': '--crop 33 --repeats 2',
}
STAND_IN = {
    'CONFIG': 'tiny.py',
    'CHECKPOINT': 'random.pth',
    'WORK_DIR': 'work_dirs/rankmatch',
    '/fast/disk/NAME': 'cache',
    'METHOD': 'fixmatch',
    'N': '33',
}


def reason_not_to_run(command):
    """Return why a command is not run, or None."""
    return next((why for rule, why in NOT_RUN.items() if re.match(rule, command)), None)


def published(command):
    """Return the published data set that a command trains on, or None."""
    name, args = as_command(shlex.split(command)) or ('', ())
    data = r'(?:configs/)?\w+/(pascal|cityscapes|coco|ade20k)[_-]'
    found = re.match(data, ' '.join(args))
    return found[1] if found and name == 'train' else None


def run(command, monkeypatch):
    """Run a command in this process, as ``mmsemi`` would."""
    words = []
    for word in shlex.split(command.replace('[', '').replace(']', ''), comments=True):
        if re.search(r'BEST\.pth$|best_mIoU_epoch_\d+\.pth$', word):
            word = best_of_mine(command, monkeypatch)
        if mine := re.fullmatch(r'my/([a-z]+)_[a-z0-9]+(_\w+)?\.py', word):
            word = config_of_mine(mine[1], mine[2] or '')
        for name, what in STAND_IN.items():
            word = re.sub(rf'\b{name}\b' if name[0] != '/' else name, what, word)
        words.append(word)
    if words[1].startswith('benchmarks/'):
        words[1:] = [*words[1:], *BENCHMARKS[Path(words[1]).stem].split()]
        monkeypatch.setattr('sys.argv', words[1:])
        runpy.run_path(str(ROOT / words[1]), run_name='__main__')
        return
    name, args = as_command(words)
    if name == 'train':
        options = [*SHORT, f'crop_size={126 if published(command) else 33}']
        place = args.index('--cfg-options') + 1 if '--cfg-options' in args else None
        args[place or len(args) :] = [
            *(() if place else ['--cfg-options']),
            *(options if args[0] != 'tiny.py' else SHORT[:1]),
            *(args[place:] if place else ()),
        ]
    monkeypatch.setattr('sys.argv', ['mmsemi', name, *args])
    with NO_ENVIRONMENT:
        GROUP.main([name, *args], prog_name='mmsemi', standalone_mode=False)


def best_of_mine(command, monkeypatch):
    """Return the best checkpoint, after training the config of a command if needed."""
    if not any(Path('work_dirs').rglob('best_mIoU_*.pth')):
        run(f'mmsemi train {re.search(r"my/[a-z0-9_]+.py", command)[0]}', monkeypatch)
    return str(next(Path('work_dirs').rglob('best_mIoU_*.pth')))


def config_of_mine(method, fold=''):
    """Return the config of own images that ``init`` writes for a method.

    Its name has the backbone, which depends on the machine.
    """
    if fold:
        return str(next(Path('my').glob(f'{method}_*{fold}.py')))
    if not (found := [*Path('my').glob(f'{method}_*.py')]):
        data = '--images photos --masks masks --classes classes.txt --out my'
        words = ['init', *data.split(), '--method', method]
        GROUP.main(words, prog_name='mmsemi', standalone_mode=False)
        found = [*Path('my').glob(f'{method}_*.py')]
    return str(min(found))


def load(block):
    """Load a config of a page, and build what it sets."""
    file = Path('shown.py')
    if base := re.search(r"^_base_ = '\./(([a-z]+)_\w+\.py)'", block, re.M):
        beside = Path(config_of_mine(base[2]))
        file = beside.with_name('shown.py')
        block = block.replace(base[1], beside.name)
    file.write_text(block)
    if 'methods = ' in block:
        return read_sweep(str(file))
    cfg, shown_cfg = Config.fromfile('tiny.py'), Config.fromfile(file)
    cfg = shown_cfg if 'model' in shown_cfg else cfg
    if cfg is not shown_cfg:
        cfg.merge_from_dict(shown_cfg.to_dict())
    resolve_settings(cfg)
    assert isinstance(MODELS.build(cfg.model), SemiSegmentor)
    return Evaluator(cfg.val_evaluator)


def is_config(block):
    """Return whether a block only assigns names, without reading any."""
    return all(
        isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)
        for line in ast.parse(block).body
    )


@pytest.fixture(scope='module')
def network(tmp_path_factory):
    """A checkpoint of the tiny network, with random weights."""
    init_default_scope('mmsemi')
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(TINY).model)
    file = tmp_path_factory.mktemp('network') / 'random.pth'
    torch.save(dict(state_dict=model.state_dict()), file)
    return file


@pytest.fixture
def reader(tiny_data, network, tmp_path, monkeypatch):
    """The folder of someone who follows a page: photos, masks, a trained network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('MMSEMI_DATA', raising=False)
    for name in ('photos', 'masks', 'more', 'more_photos'):
        (tmp_path / name).mkdir()
    rng = np.random.default_rng(0)
    frames = cv2.VideoWriter('video.mp4', cv2.VideoWriter.fourcc(*'mp4v'), 5, (48, 48))
    for i in range(8):
        mask = np.repeat(np.arange(3, dtype=np.uint8), 16)[None].repeat(48, 0)
        image = (rng.integers(0, 60, (48, 48, 3)) + 60 * mask[..., None]).astype('u1')
        for folder in ('photos',) if i < 5 else ('more', 'more_photos'):
            cv2.imwrite(f'{folder}/{i}.png', image)
        if i < 5:
            cv2.imwrite(f'masks/{i}.png', mask)
        frames.write(image)
    frames.release()
    cv2.imwrite('photo.jpg', image)
    cv2.imwrite('photo.png', image)
    Path('classes.txt').write_text('ground\ndisc\nbox\n')
    make_camvid(tmp_path / 'data/camvid')
    cfg = Config.fromfile(TINY)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.data_root = str(tiny_data)
        loader.dataset.metainfo.classes = ('road', 'building', 'tree', 'car')
    cfg.dump('tiny.py')
    shutil.copy(network, 'random.pth')
    for name in ('tools', 'configs', 'results'):
        shutil.copytree(ROOT / name, name, ignore=shutil.ignore_patterns('my'))
    return tmp_path


RUNS = {
    f'{page.relative_to(ROOT)}: {shlex.join(words)}': shlex.join(words)
    for page in PAGES
    for words in commands(page)
    if str(page.relative_to(ROOT)) not in OTHER_TESTS
}
PUBLISHED = {case: line for case, line in RUNS.items() if published(line)}
READ = {
    str(page.relative_to(ROOT)): [
        (kind, text)
        for kind, text in shown(page)
        if kind == 'python' or not (reason_not_to_run(text) or published(text))
    ]
    for page in PAGES
    if str(page.relative_to(ROOT)) not in OTHER_TESTS
}


@pytest.mark.parametrize('page', [page for page, steps in READ.items() if steps])
def test_page_runs(page, reader, plain_configs, bases_read_once, monkeypatch):
    names = dict(CONFIG='tiny.py', CHECKPOINT='random.pth', inputs=streams())
    if page == 'docs/reading_a_run.md':
        run('mmsemi train tiny.py --work-dir work_dirs/rankmatch', monkeypatch)
        shutil.copytree('work_dirs/rankmatch', 'work_dirs/supervised')
    for i, (kind, text) in enumerate(READ[page]):
        if kind == 'command':
            run(text, monkeypatch)
        elif is_config(text):
            load(text)
        else:
            exec(compile(text, f'{page}, step {i}', 'exec'), names)


@pytest.mark.parametrize('command', PUBLISHED.values(), ids=PUBLISHED)
def test_published_setting_runs(command, plain_configs, monkeypatch, tmp_path):
    """Needs the images: with lists of a few of them, on any machine."""
    source = data_folder() / published(command)
    if not source.is_dir():
        pytest.skip(f'needs the images of {source}: docs/data.md says where they are')
    target = tmp_path / 'data' / source.name
    (target / 'splits').mkdir(parents=True)
    for child in source.iterdir():
        if child.name != 'splits':
            (target / child.name).symlink_to(child)
    for file in (source / 'splits').glob('*.txt'):
        lines = file.read_text().splitlines()[: 8 if 'train' in file.name else 4]
        (target / 'splits' / file.name).write_text('\n'.join(lines))
    monkeypatch.setenv('MMSEMI_DATA', str(tmp_path / 'data'))
    monkeypatch.chdir(tmp_path)
    run(command.replace('configs/', f'{ROOT}/configs/'), monkeypatch)


def test_what_is_not_run_has_a_reason_that_holds():
    lines = RUNS.values()
    for rule, why in NOT_RUN.items():
        assert any(re.match(rule, line) for line in lines), f'no command is {rule}'
        for test in re.findall(r'tests/\S+\.py|\.ci/run', why):
            assert (ROOT / test).is_file(), test

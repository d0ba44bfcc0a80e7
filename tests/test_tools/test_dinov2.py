"""UniMatch V2 on a tiny DINOv2, by the commands of a user."""

import json
import signal
from pathlib import Path

import cv2
import pytest
import torch

from mmsemi.models.released import release_state_dict
from mmsemi.registry import MODELS
from tests.helpers.networks import network
from tests.helpers.tools import ROOT, call, run
from tests.stress.resume_points import differences

CONFIG = ROOT / 'tests/configs/tiny_dinov2.py'


def train(work_dir: Path, data_root: Path, *more, config: Path = CONFIG, ok=True):
    return run(
        'python',
        'tools/train.py',
        config,
        *('--work-dir', work_dir, *more),
        '--cfg-options',
        f'data_root={data_root}',
        'train_cfg.max_epochs=2',
        ok=ok,
        env=dict(PYTHONPATH=str(ROOT)),
    )


@pytest.fixture(scope='module')
def trained(tiny_data, tmp_path_factory) -> Path:
    """Folder of a whole run, and of one killed in its second epoch and resumed."""
    folder = tmp_path_factory.mktemp('dinov2')
    hook = dict(
        type='EndAt', signal=int(signal.SIGKILL), point='after_train_iter', time=3
    )
    config = folder / 'killed.py'
    config.write_text(
        f'_base_ = {str(CONFIG)!r}\n'
        "custom_imports = dict(imports=['mmsemi', 'tests.stress.resume_points'])\n"
        f"custom_hooks = [dict(type='EMATeacherHook', evaluate=True), {hook!r}]\n"
    )
    train(folder / 'whole', tiny_data)
    train(folder / 'killed', tiny_data, config=config, ok=False)
    train(folder / 'killed', tiny_data, '--resume')
    return folder


def test_killed_and_resumed_ends_bit_identical(trained):
    assert differences(trained / 'whole', trained / 'killed') == []


def test_student_and_teacher_are_validated(trained):
    scores = json.loads((trained / 'whole/results.json').read_text())
    assert [row['epoch'] for row in scores] == [1, 2]
    assert all(
        0 <= row[name] <= 100 for row in scores for name in ('mIoU', 'teacher_mIoU')
    )


def test_the_test_tool_gives_the_score_of_the_training(trained, tiny_data):
    call(
        'tools/test.py',
        *(CONFIG, trained / 'whole/epoch_2.pth', '--work-dir', trained / 'test'),
        *('--cfg-options', f'data_root={tiny_data}'),
    )
    (scores,) = json.loads((trained / 'test/test_results.json').read_text())
    last = json.loads((trained / 'whole/results.json').read_text())[-1]
    assert scores['mIoU'] == pytest.approx(last['mIoU'], abs=0.01)


def test_the_predict_tool_takes_images_of_any_size(trained, tiny_data, tmp_path):
    """48x40 pixels: sides that are no multiples of the patch."""
    images = tiny_data / 'images/val'
    call(
        'tools/predict.py',
        *(images, CONFIG, trained / 'whole/epoch_2.pth', '--out', tmp_path),
    )
    for image in images.iterdir():
        mask = tmp_path / f'masks/{image.stem}.png'
        assert cv2.imread(str(mask), cv2.IMREAD_UNCHANGED).shape[:2] == (40, 48)


@pytest.fixture
def weights(tmp_path):
    """A file of weights of another size, with Meta's names."""
    model = MODELS.build(network('dinov2', type='Supervised'))
    released = release_state_dict(model.state_dict())
    wide = {
        name.removeprefix('backbone.'): torch.cat([value, value], -1)
        for name, value in released.items()
        if name.startswith('backbone.')
    }
    torch.save(wide, tmp_path / 'wide.pth')
    return tmp_path / 'wide.pth'


INIT = 'model.backbone.init_cfg'


@pytest.mark.parametrize(
    'options, words',
    [
        (['crop_size=60'], ['(56, 56)', '(70, 70)']),
        (['model.backbone.out_indices=[0,1,2,4]'], ['blocks of the 4: 0 to 3']),
        (
            [f'{INIT}.type=PretrainedBackbone', f'{INIT}.checkpoint=no.pth'],
            ['no.pth', f'{INIT}.checkpoint=FILE'],
        ),
        (
            [f'{INIT}.type=PretrainedBackbone', f'{INIT}.checkpoint=WEIGHTS'],
            ['does not fit DINOv2', 'instead of'],
        ),
    ],
    ids=['crop', 'taps', 'missing', 'size'],
)
def test_bad_input_is_one_error_before_training(
    options, words, tiny_data, tmp_path, weights
):
    options = [option.replace('WEIGHTS', str(weights)) for option in options]
    output = call(
        'tools/train.py',
        *(CONFIG, '--work-dir', tmp_path / 'run', '--cfg-options'),
        *(f'data_root={tiny_data}', *options),
        ok=False,
    )
    assert all(word in output for word in words), output
    assert 'Traceback' not in output
    assert not list((tmp_path / 'run').rglob('*.pth'))

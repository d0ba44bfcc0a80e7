"""UniMatch V2 on a tiny DINOv2, by the commands of a user."""

import json
import signal
from pathlib import Path

import pytest

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


def test_a_crop_that_is_no_multiple_of_the_patch(tiny_data, tmp_path):
    output = run(
        'python',
        'tools/train.py',
        CONFIG,
        *('--work-dir', tmp_path / 'run'),
        *('--cfg-options', f'data_root={tiny_data}', 'crop_size=60'),
        ok=False,
    )
    assert '56' in output and '70' in output and 'Traceback' not in output

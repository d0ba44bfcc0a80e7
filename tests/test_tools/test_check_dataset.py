"""Every planted fault is found, and no fault in good data."""

import json
import re
import shutil

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import PixelData

from mmsemi.measuring.cost import measure_cost
from mmsemi.registry import DATASETS, MODELS
from tests.helpers import networks as tiny
from tests.helpers.tools import TINY, call


@pytest.fixture
def data(tiny_data, tmp_path):
    """Copy the tiny data and give it an unlabeled list."""
    root = tmp_path / 'data'
    shutil.copytree(tiny_data, root)
    lines = (root / 'splits/train.txt').read_text().splitlines()
    (root / 'splits/unlabeled.txt').write_text('\n'.join(lines[3:]))
    (root / 'splits/labeled.txt').write_text('\n'.join(lines[:3]))
    return root


@pytest.fixture
def check(data, tmp_path):
    """Return a function that runs the tool: findings by check, and the report."""

    def run_check(*options, ok=True, args=('--no-step',)):
        report = tmp_path / 'report.json'
        call(
            'tools/data/check_dataset.py',
            TINY,
            '--json',
            report,
            *args,
            '--cfg-options',
            f'data_root={data}',
            'train_dataloader.dataset.unlabeled_list=splits/unlabeled.txt',
            *options,
            ok=ok,
        )
        report = json.loads(report.read_text())
        found = {}
        for finding in report['findings']:
            found.setdefault((finding['level'], finding['check']), []).append(
                finding['message']
            )
        return found, report

    return run_check


def add_line(data, name, line):
    path = data / f'splits/{name}.txt'
    path.write_text(path.read_text().rstrip('\n') + '\n' + line)


def paint(path, pixels):
    cv2.imwrite(str(path), pixels)


def test_sound_data_have_no_errors(check):
    """Shares, the memory of a step and the time of an epoch are reported."""
    found, report = check(args=())
    assert not any(level == 'error' for level, _ in found)
    assert {n: r['images'] for n, r in report['lists'].items()} == dict(
        labeled=3, unlabeled=5, val=3
    )
    assert report['lists']['val']['smallest'] == [48, 40]
    for part in ('labeled', 'val'):
        shares = [row[f'{part}_share'] for row in report['classes']]
        assert sum(shares) == pytest.approx(1) and shares[0] > 0.5
    cost = report['cost']
    assert cost['steps'] == 2 and cost['epoch'] >= 2 * cost['step'] > 0
    assert cost['memory'] > 1e6 and 'estimated' in cost['how'] or 'GPU' in cost['how']


def test_the_cost_of_the_whole_training(check):
    """Too long: a warning, and settings that were tried, with what they save."""
    found, report = check('train_cfg.max_epochs=30000000', args=())
    row = report['training']
    assert row['steps'] == 60000000 and row['validations'] == 30000000
    assert row['seconds'] > row['training'] >= row['steps'] * report['cost']['step']
    assert 0 < row['memory'] < row['memory_limit'] and row['disk'] > 1e5
    (message,) = found['warning', 'time']
    assert 'days' in message and 'Cheapest change' in message
    fewer = [option for option in row['options'] if 'epochs instead' in option['what']]
    assert fewer and all(option['seconds'] <= 86400 for option in fewer)
    epochs = int(fewer[-1]['how'].rpartition('=')[2])
    shorter = check(f'train_cfg.max_epochs={epochs // 3}', args=())
    assert not shorter[1]['training']['options'] and not shorter[0]


def test_what_a_step_lacks_in_memory(check, monkeypatch):
    """Settings that lower memory are measured; a training that fits has none."""
    monkeypatch.setattr('mmsemi.apis.check_cost.memory_limit', lambda: 2**20)
    found, report = check('total_batch_size=4', args=())
    (message,) = found['warning', 'memory']
    assert 'there are 0.0' in message
    memory = {
        option['how']: option['memory'] for option in report['training']['options']
    }
    (halved,) = (m for how, m in memory.items() if 'accumulative_counts=2' in how)
    assert 0.4 < halved / report['training']['memory'] < 0.8
    assert any('gradient_checkpointing=True' in how for how in memory)


def test_an_epoch_of_self_training(check):
    """The shortest training has 3 labeled images and 2 of the 5 others."""
    options = ('runner_type=SelfTrainingRunner', 'total_batch_size=6')
    found, _ = check(*options, ok=False)
    (message,) = found['error', 'batch']
    assert '5 samples do not fill a batch of 6' in message
    found, _ = check(*options, 'self_training.shares=[1]')
    assert ('error', 'batch') not in found


def test_a_step_of_an_accumulated_batch(check):
    """5 samples fill the step of a batch of 10 in two steps."""
    options = ('total_batch_size=10', 'optim_wrapper.accumulative_counts')
    found, report = check(options[0], f'{options[1]}=2', args=())
    assert ('error', 'batch') not in found
    assert report['cost']['steps'] == 1
    found, _ = check(options[0], f'{options[1]}=3', ok=False)
    (message,) = found['error', 'batch']
    assert '10 cannot be divided among 1 processes of 3 steps' in message


def test_an_epoch_of_more_unlabeled_images_per_sample(check):
    """5 unlabeled images make 2 samples of two."""
    options = ('train_dataloader.sampler.ratio=[1,2]', 'total_batch_size=3')
    found, _ = check(*options, ok=False)
    (message,) = found['error', 'batch']
    assert '2 samples do not fill a batch of 3' in message


class ByGrayValue:
    """A network that tells the classes of the tiny data by gray value alone."""

    def test_step(self, batch):
        (image,), (sample,) = batch['inputs'], batch['data_samples']
        gray = cv2.blur(image.float().mean(0).numpy(), (3, 3))
        levels = np.array([60, 110, 160, 210], np.float32)[:, None, None]
        classes = torch.from_numpy(np.abs(gray - levels).argmin(0))
        sample.pred_sem_seg = PixelData(data=classes[None])
        return [sample]


def test_strong_views_that_cost_a_class(check, monkeypatch):
    """The change is named, and no warning is left once it is limited."""
    network = 'mmsemi.apis.check_views.init_model'
    monkeypatch.setattr(network, lambda cfg, checkpoint: ByGrayValue())
    args = ('--no-step', '--checkpoint', 'gray.pth')
    found, report = check(args=args)
    views = report['views']
    assert min(views['weak']) > 0.3 and views['images'] == 3
    lost = [a - b for a, b in zip(views['weak'], views['strong'], strict=True)]
    warned = found['warning', 'strong-view']
    assert max(lost) > 0.2 and 1 <= len(warned) <= 4
    assert any('strong_view.brightness' in message for message in warned)
    assert views['alone']['hue'] == pytest.approx(views['weak'], abs=0.15)
    still = [f'strong_view.{name}=0' for name in ('brightness', 'contrast', 'blur')]
    quiet = [f'strong_view.{name}=0' for name in ('saturation', 'hue', 'gray')]
    found, report = check(*still, *quiet, args=args)
    assert report['views']['strong'] == report['views']['weak'] and not found


def test_a_checkpoint_of_another_network(data, tmp_path):
    """One message with the cure, as everywhere."""
    torch.save(dict(state_dict=dict(a=torch.ones(2))), tmp_path / 'other.pth')
    said = call(
        *('tools/data/check_dataset.py', TINY, '--no-step'),
        *('--checkpoint', tmp_path / 'other.pth', '--cfg-options', f'data_root={data}'),
        ok=False,
    )
    assert 'other.pth' in said and 'Traceback' not in said


def test_memory_grows_with_the_batch(check):
    memory = [
        check(f'total_batch_size={batch}', args=())[1]['cost']['memory']
        for batch in (2, 4)
    ]
    assert memory[1] > 1.3 * memory[0]


def test_lent_models_take_memory(data):
    """Every model that a hook may keep counts."""
    cfg = Config.fromfile(TINY)
    cfg.model = tiny.network(type='PrevMatch')
    cfg.train_dataloader.dataset.data_root = str(data)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    memory = []
    for count in (1, 8):
        cfg.custom_hooks = [dict(type='PreviousModelsHook', max_models=count)]
        memory.append(measure_cost(cfg, dataset, 2).memory)
    one = sum(p.numel() * 4 for p in MODELS.build(cfg.model).parameters())
    assert memory[1] - memory[0] == 7 * one
    cfg.model.guidance = 'ema'
    cfg.custom_hooks = [dict(type='EMATeacherHook')]
    assert measure_cost(cfg, dataset, 2).memory == memory[0]


FAULTS = {}


def fault(level, check, said):
    """Register a function that plants a fault, and the finding that it causes."""

    def register(plant):
        FAULTS[plant.__name__] = (plant, level, check, said)
        return plant

    return register


@fault('error', 'files', 'no image .*images/train/1.png')
def missing_image(data):
    (data / 'images/train/1.png').unlink()


@fault('error', 'files', 'no mask .*labels/val/1.png')
def missing_mask(data):
    (data / 'labels/val/1.png').unlink()


@fault('error', 'files', r'train/5.png \(\d+ bytes\) cannot be decoded')
def truncated_image(data):
    path = data / 'images/train/5.png'
    path.write_bytes(path.read_bytes()[:-50])


@fault('error', 'files', 'train/0.png is 20x10, but its image')
def mask_of_another_size(data):
    paint(data / 'labels/train/0.png', np.zeros((10, 20), np.uint8))


@fault('error', 'files', 'train/0.png holds 4, 7, outside 0..3')
def labels_out_of_range(data):
    mask = np.zeros((40, 48), np.uint8)
    mask[0, :2] = 4, 7
    paint(data / 'labels/train/0.png', mask)


@fault('error', 'files', 'has 3 channels, but it must have one')
def mask_of_colours(data):
    paint(
        data / 'labels/val/0.png',
        np.arange(40 * 48 * 3, dtype=np.uint8).reshape(40, 48, 3),
    )


@fault('error', 'lists', 'names no mask for images/val/0.png')
def line_without_mask(data):
    add_line(data, 'val', 'images/val/0.png')


@fault('error', 'lists', 'There is no list .*unlabeled.txt')
def missing_list(data):
    (data / 'splits/unlabeled.txt').unlink()


@fault('error', 'overlap', r'val/0.png are in the labeled list and in the val list')
def trained_and_validated_on(data):
    add_line(data, 'labeled', 'images/val/0.png labels/val/0.png')


@fault('error', 'overlap-content', 'unlabeled and val: .*copy.bmp and')
def copy_of_a_validation_image(data):
    """Copy an image under another name, in another format."""
    paint(data / 'copy.bmp', cv2.imread(str(data / 'images/val/2.png')))
    add_line(data, 'unlabeled', 'copy.bmp')


@fault('warning', 'overlap', 'train/0.png are in the labeled list')
def labeled_and_unlabeled(data):
    add_line(data, 'unlabeled', 'images/train/0.png')


@fault('warning', 'twice', 'labeled: .*train/0.png occur more than once')
def line_twice(data):
    add_line(data, 'labeled', 'images/train/0.png labels/train/0.png')


@fault('warning', 'copies', 'unlabeled: .*7.png and .*same.png')
def copy_in_a_list(data):
    shutil.copy(data / 'images/train/7.png', data / 'same.png')
    add_line(data, 'unlabeled', 'same.png')


@fault('warning', 'absent', 'labeled: no pixel of bar')
def class_without_a_label(data):
    for i in range(3):
        path = data / f'labels/train/{i}.png'
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        paint(path, np.where(mask == 3, 0, mask))


@fault('warning', 'empty', 'labeled: the masks of .*train/1.png')
def mask_of_nothing(data):
    paint(data / 'labels/train/1.png', np.full((40, 48), 255, np.uint8))


@fault('warning', 'small', r'train/6.png \(20x16\) are smaller than the crop')
def image_smaller_than_the_crop(data):
    paint(data / 'images/train/6.png', np.zeros((16, 20, 3), np.uint8))


@pytest.mark.parametrize('name', FAULTS)
def test_planted_fault_is_found(name, data, check):
    plant, level, kind, said = FAULTS[name]
    before, _ = check()
    assert (level, kind) not in before
    plant(data)
    found, _ = check(ok=level != 'error')
    assert any(re.search(said, m) for m in found[level, kind]), found


@pytest.mark.parametrize(
    'option, kind, said',
    [
        ('model.decode_head.num_classes=3', 'network', '3, but .* 4 classes'),
        ('model.backbone.in_channels=4', 'network', 'takes 4 channels'),
        ('total_batch_size=64', 'batch', '5 samples do not fill a batch of 64'),
        ('model.backbone.init_cfg.checkpoint=no.pth', 'weights', 'no file no.pth'),
    ],
)
def test_fault_of_the_config_is_found(check, option, kind, said):
    options = [option]
    if 'init_cfg' in option:
        options.append('model.backbone.init_cfg.type=PretrainedBackbone')
    found, _ = check(*options, ok=False)
    assert re.search(said, found['error', kind][0])


def test_strict_makes_warnings_errors(data, check):
    line_twice(data)
    check()
    check(args=('--no-step', '--strict'), ok=False)

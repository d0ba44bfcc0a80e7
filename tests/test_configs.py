"""Every config builds, says what its name says, and equals the table."""

import re
import runpy
import shutil
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmsemi.preparation.methods import METHODS
from mmsemi.registry import MODELS
from mmsemi.utils.config import resolve_settings

ROOT = Path(__file__).parents[1]
# A folder with lists was written by tools/data/init_dataset.py for a user.
CONFIGS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / 'configs').glob('[!_]*/*.py')
    if not (path.parent / 'splits').exists()
)

pytestmark = pytest.mark.usefixtures('bases_read_once')

TYPES = dict(
    supervised='Supervised',
    fixmatch='FixMatch',
    unimatch='UniMatch',
    rankmatch='RankMatch',
    corrmatch='CorrMatch',
    prevmatch='PrevMatch',
    st='Supervised',
    stpp='Supervised',
)
TYPES_V2 = dict(
    supervised_v2='Supervised', fixmatch_v2='FixMatch', unimatch_v2='UniMatchV2'
)
TYPES_OWN = dict(
    meanteacher='MeanTeacher', augseg='AugSeg', balancedmatch='BalancedMatch', cps='CPS'
)
CROPS_OWN = {
    ('meanteacher', 'cityscapes'): (256, 512),
    ('augseg', 'pascal'): 513,
    ('augseg', 'cityscapes'): 800,
    ('cps', 'pascal'): 512,
    ('cps', 'cityscapes'): 800,
}
CROPS_V2 = dict(pascal=518, cityscapes=798, coco=518, ade20k=518)
CROPS = dict(pascal=321, cityscapes=801, coco=513, ade20k=513, camvid=321)
PASCAL = {'1-16': 92, '1-8': 183, '1-4': 366, '1-2': 732, 'full': 1464}


@pytest.fixture(scope='module')
def built():
    """Cache of the networks built so far, by the settings that shape them."""
    return {}


@pytest.mark.parametrize('name', CONFIGS)
def test_builds(name, built):
    cfg = resolve_settings(Config.fromfile(ROOT / name))
    method = Path(name).parent.name
    assert cfg.default_scope == 'mmsemi'
    assert cfg.runner_type == (
        'SelfTrainingRunner' if method in ('st', 'stpp') else 'SemiRunner'
    )
    assert (ROOT / name).read_text().startswith(f'# python tools/train.py {name}\n')
    types = {**TYPES, **TYPES_V2, **TYPES_OWN}
    assert method == 'demo' or cfg.model.type == types[method]
    if 'TIMM' in cfg.model.backbone.type:
        pytest.importorskip('timm')
        cfg.model.backbone.pretrained = False

    cfg.model.backbone.init_cfg = None
    key = repr(cfg.model)
    if key not in built:
        # On the meta device, if the backbone allows it: shapes without numbers.
        shapes = re.search('ResNet|DINOv2', cfg.model.backbone.type)
        with torch.device('meta' if shapes else 'cpu'):
            built[key] = MODELS.build(cfg.model)
    model = built[key]
    assert model.num_classes == len(cfg.metainfo.classes)
    assert len(cfg.metainfo.classes) == len(cfg.metainfo.palette)
    depth = cfg.model.backbone.get('depth')
    if depth and method != 'demo':
        named = re.search(r'_r(\d+)', name)
        assert depth == (int(named[1]) if named else 101)
    if method == 'demo':
        return
    stem = Path(name).stem
    assert cfg.train_dataloader.dataset.labeled_list == named_list(stem)
    if depth != 18 and 'dinov3' not in stem:
        assert crops(cfg) == {named_crop(method, stem)}


def named_list(stem):
    data, split = stem.split('_')[:2]
    if split == 'all':
        return f'splits/{"train_aug" if data == "pascal" else "train"}.txt'
    name = split.replace('-', '_')
    if data == 'pascal':
        name = PASCAL[split]
    elif data == 'pascal-u2pl':
        name = f'u2pl_{name}'
    elif data == 'camvid':
        name = f'{name}/labeled'
    elif data == 'ade20k' and 'dinov2' in stem:
        name = f'v2_{name}'
    return f'splits/{name}.txt'


def crops(cfg):
    """The crop sizes of the training pipelines."""
    dataset = cfg.train_dataloader.dataset
    return {
        transform.crop_size
        for kind in ('labeled_pipeline', 'unlabeled_pipeline')
        for transform in dataset[kind]
        if transform.type == 'RandomScaleCrop'
    }


def named_crop(method, stem):
    data = re.match('[a-z0-9]+', stem)[0]
    crop = 513 if '_513x513' in stem else CROPS[data]
    crop = CROPS_OWN.get((method, data), crop)
    if 'dinov2' in stem:
        crop = CROPS_V2[data]
    if method in ('st', 'stpp') and data == 'cityscapes':
        crop = 721
    if 'lite0' in stem:
        crop = 225
    return crop if isinstance(crop, tuple) else (crop, crop)


def settings(method):
    return {Path(name).stem for name in CONFIGS if Path(name).parent.name == method}


@pytest.mark.parametrize('method', TYPES)
def test_every_method_has_every_setting(method):
    published = settings('supervised')
    assert {re.match('[a-z0-9]+', stem)[0] for stem in published} == set(CROPS)
    assert not published - settings(method)


@pytest.mark.parametrize('method', TYPES_V2)
def test_every_method_of_unimatch_v2_has_every_setting(method):
    published = {stem for stem in settings('supervised_v2') if '_all_' not in stem}
    assert {stem.rpartition('_')[2] for stem in published} == {
        'dinov2-s',
        'dinov2-b',
        'dinov2-l',
        'dinov2-g',
    }
    assert {re.match('[a-z0-9]+', stem)[0] for stem in published} == set(CROPS_V2)
    assert not published - settings(method)


@pytest.mark.parametrize(
    'data, epochs, batch, labels_a_step, labeled_epoch, criterion',
    [
        ('pascal_1-16', 60, 16, 32, 3000, 'PixelCrossEntropyLoss'),
        ('cityscapes_1-8', 180, 8, 16, 3000, 'PixelOHEMLoss'),
        ('coco_1-128', 20, 16, 32, 30000, 'PixelCrossEntropyLoss'),
        ('ade20k_1-32', 60, 8, 16, 6000, 'PixelCrossEntropyLoss'),
    ],
)
def test_unimatch_v2_is_as_published(
    data, epochs, batch, labels_a_step, labeled_epoch, criterion
):
    for method in TYPES_V2:
        file = ROOT / f'configs/{method}/{data}_dinov2-s.py'
        cfg = resolve_settings(Config.fromfile(file))
        supervised = method == 'supervised_v2'
        assert cfg.train_cfg.max_epochs == epochs
        assert cfg.total_batch_size == (labels_a_step if supervised else batch)
        assert cfg.auto_scale_lr.base_batch_size == cfg.total_batch_size
        optim = cfg.optim_wrapper
        assert optim.optimizer.type == 'AdamW'
        assert optim.optimizer.weight_decay == 0.01
        encoder = optim.paramwise_cfg.custom_keys.backbone.lr_mult
        assert optim.optimizer.lr * encoder == pytest.approx(5e-6)
        assert 1 / encoder == 40
        assert cfg.param_scheduler.late == 1
        assert cfg.model.decode_head.loss_decode.type == criterion
        assert cfg.model.backbone.get('frozen_stages') is None
        assert cfg.val_evaluator.nan_to_num == cfg.test_evaluator.nan_to_num == 0
        sampler = cfg.train_dataloader.sampler
        if supervised:
            assert (sampler.ratio, sampler.num_samples) == ((1, 0), labeled_epoch)
        else:
            assert cfg.model.conf_thresh == 0.95
            assert sampler.partner == 'in_batch'
            (hook,) = cfg.custom_hooks
            assert hook == dict(type='EMATeacherHook', evaluate=True)
        if data == 'cityscapes_1-8':
            assert cfg.model.test_cfg == dict(
                mode='windows', border='shift', crop_size=(798, 798), stride=(532, 532)
            )
        else:
            assert cfg.model.test_cfg == dict(mode='whole', multiple=14)


def test_all_labels_are_as_published():
    """Supervised on every label; UniMatch V2 on Cityscapes' coarse images, too."""
    for data, epochs, samples in (
        ('pascal', 60, 10582),
        ('cityscapes', 360, 3000),
        ('coco', 40, 118287),
        ('ade20k', 120, 20210),
    ):
        file = ROOT / f'configs/supervised_v2/{data}_all_dinov2-b.py'
        cfg = Config.fromfile(file)
        assert cfg.train_cfg.max_epochs == epochs
        assert cfg.train_dataloader.sampler.num_samples == samples
        assert cfg.train_dataloader.dataset.train_list is None
    cfg = Config.fromfile(ROOT / 'configs/unimatch_v2/cityscapes_all_dinov2-b.py')
    assert cfg.train_cfg.max_epochs == 180
    assert cfg.train_dataloader.dataset.unlabeled_list == 'splits/train_extra.txt'


@pytest.mark.parametrize(
    'name, batch, lr, backbone_lr, length',
    [
        ('augseg/pascal_1-8', 16, 0.01, 0.001, 80),
        ('augseg/cityscapes_1-8_r50', 8, 0.01, 0.01, 240),
        ('cps/pascal-blended_1-16_r50', 8, 0.005, 0.005, 32),
        ('cps/cityscapes_1-8', 8, 0.04, 0.04, 137),
        ('meanteacher/pascal_1-4', 10, 1e-5, 1e-6, 40000),
        ('meanteacher/cityscapes_1-30', 4, 3e-5, 3e-6, 40000),
    ],
)
def test_the_older_teachers_are_as_published(name, batch, lr, backbone_lr, length):
    cfg = resolve_settings(Config.fromfile(ROOT / f'configs/{name}.py'))
    assert cfg.total_batch_size == cfg.auto_scale_lr.base_batch_size == batch
    optim = cfg.optim_wrapper
    assert optim.optimizer.lr == lr
    mult = optim.paramwise_cfg.custom_keys.backbone.lr_mult
    assert lr * mult == pytest.approx(backbone_lr)
    loop = cfg.train_cfg
    assert (loop.get('max_epochs') or loop.max_iters) == length
    assert cfg.get('param_scheduler') is None or cfg.param_scheduler.power == 0.9


def test_some_settings_have_an_ema_teacher():
    ema = {stem for stem in settings('prevmatch') if stem.endswith('_ema')}
    assert 4 <= len(ema) <= 6
    assert {stem.removesuffix('_ema') for stem in ema} <= settings('supervised')


@pytest.fixture(scope='module')
def writer():
    """The names in tools/dev/write_configs.py."""
    return runpy.run_path(str(ROOT / 'tools/dev/write_configs.py'))


def test_the_tree_equals_the_table(writer):
    assert writer['faults']() == []


def test_what_differs_from_the_table_is_named(writer, tmp_path):
    configs = tmp_path / 'configs'
    shutil.copytree(ROOT / 'configs', configs)
    (configs / 'rankmatch/pascal_1-16.py').unlink()
    (configs / 'rankmatch/camvid_1-8_segformer-b0.py').unlink()
    with (configs / 'unimatch/pascal_1-16.py').open('a') as file:
        file.write('train_cfg = dict(max_epochs=1)\n')
    (configs / 'unimatch/pascal_1-17.py').write_text('')
    (configs / 'my/splits').mkdir(parents=True)  # a user's own data
    (configs / 'my/_base_').mkdir()
    for name in ('unimatch_r50.py', '_base_/dataset.py'):
        (configs / 'my' / name).write_text('')
    assert writer['faults'](configs) == [
        'missing: rankmatch/camvid_1-8_segformer-b0.py',
        'missing: rankmatch/pascal_1-16.py',
        'stale: unimatch/pascal_1-16.py',
        'unknown: unimatch/pascal_1-17.py',
    ]


def test_generated_files_say_so(writer):
    for name in writer['table']():
        lines = (ROOT / 'configs' / name).read_text().splitlines()
        line = 0 if name.startswith('_base_') else 1
        assert 'Generated by tools/dev/write_configs.py' in lines[line]


def test_one_row_adds_a_method_a_backbone_or_a_data_set(writer, monkeypatch, tmp_path):
    """All new configs of a copy of the tree can be read."""
    configs = tmp_path / 'configs'
    shutil.copytree(ROOT / 'configs', configs)
    before = {name for name, _ in writer['generated']()}
    unimatch = {name for name in before if name.startswith('unimatch/')}

    row = METHODS['unimatch']._replace(hook="dict(type='NewHook')")
    monkeypatch.setitem(METHODS, 'new', row)
    text = 'model = dict(backbone=dict(depth=34))\n'
    backbone = writer['BACKBONES']['_r50']._replace(lines=text)
    monkeypatch.setitem(writer['BACKBONES'], '_r34', backbone)
    scenes = writer['SETTINGS'][0]._replace(
        name='scenes', data='scenes', lists={'1-16': '1_16.txt'}, suffixes=('', '_r34')
    )
    names = writer['generated'].__globals__
    monkeypatch.setitem(names, 'SETTINGS', (*writer['SETTINGS'], scenes))
    shutil.copy(
        configs / '_base_/recipes/scenes_r18.py',
        configs / '_base_/recipes/scenes_r101.py',
    )

    new = {name: text for name, text in names['generated']() if name not in before}
    for name, text in new.items():
        (configs / name).parent.mkdir(exist_ok=True)
        (configs / name).write_text(text)
    assert {name for name in new if name.startswith('new/')} == {
        *(name.replace('unimatch/', 'new/') for name in unimatch),
        'new/scenes_1-16.py',
        'new/scenes_1-16_r34.py',
    }
    assert '_base_/recipes/corrmatch_scenes_r34.py' in new
    cfg = resolve_settings(Config.fromfile(configs / 'new/scenes_1-16_r34.py'))
    assert cfg.model.type == 'UniMatch' and cfg.model.backbone.depth == 34
    assert cfg.custom_hooks == [dict(type='NewHook')]
    assert cfg.train_dataloader.dataset.labeled_list == 'splits/1_16.txt'


def test_bases_do_not_repeat_each_other():
    bases = {
        path: Counter(
            line.strip()
            for line in path.read_text().splitlines()
            if re.search(r'\w', line)
        )
        for path in (ROOT / 'configs/_base_').rglob('*.py')
    }
    shared = {
        (one.name, other.name): (bases[one] & bases[other]).total()
        for one, other in combinations(sorted(bases), 2)
    }
    assert not {pair: lines for pair, lines in shared.items() if lines > 15}


@pytest.mark.parametrize(
    'name, lr, head_lr, epochs, crop, base',
    [
        ('pascal_1-16', 0.001, 0.01, 80, 321, 400),
        ('pascal_1-16_deeplabv2', 0.001, 0.001, 80, 321, 400),
        ('cityscapes_1-8_r50', 0.004, 0.04, 240, 721, 2048),
    ],
)
@pytest.mark.parametrize('method, rounds', [('st', 1), ('stpp', 2)])
def test_self_training_is_as_published(
    method, rounds, name, lr, head_lr, epochs, crop, base
):
    cfg = resolve_settings(Config.fromfile(ROOT / f'configs/{method}/{name}.py'))
    assert len(cfg.self_training.shares) == rounds
    optim = cfg.optim_wrapper
    assert optim.optimizer.lr == pytest.approx(head_lr)
    multiple = optim.paramwise_cfg.custom_keys.backbone.lr_mult
    assert optim.optimizer.lr * multiple == pytest.approx(lr)
    assert cfg.total_batch_size == cfg.auto_scale_lr.base_batch_size == 16
    assert cfg.train_cfg.max_epochs == epochs
    for kind in ('labeled_pipeline', 'unlabeled_pipeline'):
        (scale,) = (
            t for t in cfg.train_dataloader.dataset[kind] if t.type == 'RandomScaleCrop'
        )
        assert scale.crop_size == (crop, crop) and scale.base == base

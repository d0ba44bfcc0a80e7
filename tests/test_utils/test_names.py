"""Every name of a config has a reader, or is refused with the nearest known one."""

import json

import pytest
from mmengine.config import Config

from mmsemi.utils.config import read_config, resolve_settings
from mmsemi.utils.settings import VARIABLES
from tests.helpers.tools import ROOT, TINY
from tests.test_utils.test_settings import load

BASE = ROOT / 'configs/unimatch/camvid_1-8_r18.py'


def config(tmp_path, text, base=BASE):
    """Read and resolve a config of these lines over a base."""
    (tmp_path / 'my.py').write_text(f'_base_ = {str(base)!r}\n{text}')
    return resolve_settings(read_config(tmp_path / 'my.py'))


@pytest.mark.parametrize(
    'text, words',
    [
        ('crop_sise = 65', 'crop_sise .* did you mean crop_size'),
        ('modle = dict(decode_head=dict(num_classes=3))', 'did you mean model'),
        ('lr = 0.1', 'did you mean optim_wrapper.optimizer.lr'),
        ('max_epochs = 3', 'did you mean train_cfg.max_epochs'),
        ('conf_thresh = 0.5', 'did you mean model.conf_thresh'),
        ('train_pipline = []', 'train_pipline .* nothing reads it'),
        ('batch_size = 4', "custom_names = \\['batch_size'\\]"),
        ("norm_cfg = dict(type='GN')", 'norm_cfg, which changes nothing.*backbone'),
        ('labeled_pipeline = []', 'Set train_dataloader.dataset.labeled_pipeline'),
        ("metainfo = dict(classes=('a', 'b'))", 'metainfo, which changes nothing'),
        ('train_dataloader = []', 'train_dataloader=.* must be a dict'),
        ("custom_hooks = dict(type='EMAHook')", 'must be a list of hooks'),
        ("custom_names = 'x'", 'not a list of names'),
        ('auto_scale_lr = dict(enabled=True)', 'did you mean enable'),
        ('env_cfg = dict(dist_cfg=dict(timeot=9))', 'did you mean timeout'),
        ('default_hooks = dict(checkpont=dict(interval=1))', 'mean checkpoint'),
        ('val_dataloader = dict(num_worker=2)', 'did you mean num_workers'),
        (
            'optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict('
            'backbone=dict(lr_mul=1))))',
            'custom_keys.backbone.lr_mul=1.*did you mean lr_mult',
        ),
    ],
)
def test_refused(tmp_path, text, words):
    with pytest.raises(ValueError, match=f'(?s){words}'):
        config(tmp_path, text)


@pytest.mark.parametrize(
    'text',
    [
        '_note = 3',
        "my_note = 3\ncustom_names = ['my_note']",
        'epochs = 3\ntrain_cfg = dict(max_epochs=epochs)',
        "norm_cfg = dict(type='GN')\nmodel = dict(backbone=dict(norm_cfg=norm_cfg))",
        'import math\nfrom math import pi\ntrain_cfg = dict(max_epochs=int(pi))',
        'crop = {{_base_.crop_size}}\ntotal_batch_size = crop',
        'train_dataloader = dict(dataset=dict('
        'unlabeled_pipeline={{_base_.one_view_pipeline}}))',
        'find_unused_parameters = True',
        'scales = [1, 2]\n_more = [s * 2 for s in scales]',
    ],
)
def test_allowed(tmp_path, text):
    config(tmp_path, text)


@pytest.mark.parametrize(
    'option, words',
    [
        ('crop_siz=65', 'did you mean crop_size'),
        ('modle.decode_head.num_classes=3', 'did you mean model'),
        ('norm_cfg.type=GN', 'Set model.backbone.norm_cfg and model.decode_head'),
        ('two_view_pipeline.0.x=1', 'train_dataloader.dataset.unlabeled_pipeline'),
        ('labeled_pipeline.0.x=1', 'train_dataloader.dataset.labeled_pipeline'),
        ('custom_hooks.0.type=EMAHook', 'must be a list of hooks'),
        ('val_pipeline.9.type=Resize', 'val_pipeline is a variable'),
        ('tta_pipeline.9.type=Resize', 'cannot be merged'),
    ],
)
def test_options_refused(option, words):
    with pytest.raises(ValueError, match=words):
        load(BASE.relative_to(ROOT), option)


def test_options_of_a_users_variables(tmp_path):
    """A variable is refused, as it was used before; a declared name is not."""
    file = tmp_path / 'my.py'
    text = f'_base_ = {str(BASE)!r}\nepochs = 3\ntrain_cfg = dict(max_epochs=epochs)\n'
    file.write_text(text)
    with pytest.raises(ValueError, match='epochs is a variable.*'):
        load(file, 'epochs=4')
    assert load(file, '_mine=4', 'custom_names=[note]', 'note=3').note == 3


def test_what_a_run_saves_declares_its_variables(tmp_path):
    """Saved configs hold values in place of variables, and stay usable."""
    cfg = config(tmp_path, 'epochs = 3\ntrain_cfg = dict(max_epochs=epochs)')
    cfg.dump(tmp_path / 'saved.py')
    saved = resolve_settings(read_config(tmp_path / 'saved.py'))
    assert saved.custom_names == ['epochs'] and saved.train_cfg.max_epochs == 3
    config(tmp_path, 'total_batch_size = 4', tmp_path / 'saved.py')


def test_in_python(tmp_path):
    cfg = read_config(BASE)
    cfg.crop_siz = 65
    with pytest.raises(ValueError, match='did you mean crop_size'):
        resolve_settings(cfg)


def test_json(tmp_path):
    cfg = read_config(BASE).to_dict()
    (tmp_path / 'my.json').write_text(json.dumps(dict(cfg, crop_siz=65)))
    with pytest.raises(ValueError, match='did you mean crop_size'):
        resolve_settings(read_config(tmp_path / 'my.json'))
    (tmp_path / 'my.json').write_text(json.dumps(cfg))
    resolve_settings(read_config(tmp_path / 'my.json'))


def test_a_base_of_another_package(tmp_path):
    """Its names are its own; a child's still need a reader."""
    text = "_base_ = 'mmseg::_base_/datasets/pascal_voc12.py'\n"
    (tmp_path / 'my.py').write_text(text)
    resolve_settings(read_config(tmp_path / 'my.py'))
    (tmp_path / 'my.py').write_text(text + 'train_pipeline = []')
    with pytest.raises(ValueError, match='train_pipeline, which changes nothing'):
        resolve_settings(read_config(tmp_path / 'my.py'))


def test_the_data_root_moves(tmp_path):
    """Set in a child config, it moves what its base moved."""
    cfg = config(tmp_path, "data_root = '/elsewhere'")
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        assert cfg[loader].dataset.data_root == '/elsewhere'
    cfg = config(
        tmp_path,
        "data_root = '/elsewhere'\n"
        "val_dataloader = dict(dataset=dict(data_root='/third'))",
    )
    assert cfg.train_dataloader.dataset.data_root == '/elsewhere'
    assert cfg.val_dataloader.dataset.data_root == '/third'


def test_bases_are_known():
    for file in (ROOT / 'configs/_base_').rglob('*.py'):
        if file.parent.name != 'recipes':
            cfg = Config.fromfile(file, import_custom_modules=False)
            assert 'custom_names' not in cfg
    cfg = Config.fromfile(TINY)
    assert 'labeled_pipeline' in set(cfg) & VARIABLES


@pytest.mark.parametrize(
    'text, words',
    [
        ('x = (3', 'SyntaxError'),
        ('x = 3\ny = z', "my.py, line 3: NameError: name 'z'"),
        ("custom_imports = dict(imports=['no_such'])", "No module named 'no_such'"),
        ('1 / 0', 'line 2: ZeroDivisionError'),
    ],
)
def test_configs_that_cannot_be_read(tmp_path, text, words):
    with pytest.raises(ValueError, match=f'my.py cannot be read.*{words}'):
        config(tmp_path, text)
    with pytest.raises(ValueError, match='cannot be read.*nowhere.py'):
        config(tmp_path, '', tmp_path / 'nowhere.py')

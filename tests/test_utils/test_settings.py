"""The settings that a config's transforms and windows follow."""

import argparse

import pytest
from mmengine.config import Config

from mmsemi.apis.network import init_model
from mmsemi.engine import SelfTrainingRunner, SemiRunner
from mmsemi.utils.config import OptionsAction, load_config, resolve_settings
from tests.helpers.tools import ROOT, TINY

NAMES = ('labeled_pipeline', 'unlabeled_pipeline')


def load(name, *options):
    """A config with options, as every tool reads it."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction)
    args = parser.parse_args(['--cfg-options', *options] if options else [])
    args.config, args.launcher, args.local_rank = str(ROOT / name), 'none', 0
    return load_config(args)


def child(tmp_path, text, base='configs/unimatch/pascal_1-16.py'):
    """A config over another one, as it is parsed."""
    (tmp_path / 'my.py').write_text(f"_base_ = '{ROOT / base}'\n{text}")
    return Config.fromfile(tmp_path / 'my.py')


def crops(cfg):
    """The crop in each training pipeline."""
    dataset = cfg.train_dataloader.dataset
    return [
        transform.get('crop_size')
        for name in NAMES
        for transform in dataset[name]
        if transform.type == 'RandomScaleCrop'
    ]


@pytest.mark.parametrize(
    'name', ['unimatch/pascal_1-16', 'fixmatch/coco_1-32_xc65', 'stpp/cityscapes_1-8']
)
@pytest.mark.parametrize(
    'option, crop', [('513', (513, 513)), ('(65,97)', (65, 97)), ('65,97', (65, 97))]
)
def test_every_pipeline_follows_the_command_line(name, option, crop):
    cfg = load(f'configs/{name}.py', f'crop_size={option}')
    assert crops(cfg) == [crop, crop] and cfg.crop_size == crop


def test_one_line_in_a_child_config_is_enough(tmp_path):
    cfg = child(tmp_path, 'crop_size = 97')
    assert crops(resolve_settings(cfg)) == [(97, 97)] * 2


@pytest.mark.parametrize('method', ['rankmatch', 'corrmatch'])
@pytest.mark.parametrize(
    'options, crop, stride',
    [
        ([], (801, 801), (534, 534)),
        (['crop_size=513'], (513, 513), (342, 342)),
        (['crop_size=(65,97)'], (65, 97), (43, 64)),
        (['crop_size=513', 'model.test_cfg.stride=(100,100)'], (513, 513), (100, 100)),
        (['crop_size=513', 'model.test_cfg.crop_size=65'], (65, 65), None),
        (['crop_size=513', 'model.test_cfg.stride=100'], (513, 513), (100, 100)),
    ],
)
def test_windows_follow(method, options, crop, stride):
    test_cfg = load(f'configs/{method}/cityscapes_1-8.py', *options).model.test_cfg
    assert test_cfg.mode == 'windows'
    assert (tuple(test_cfg.crop_size), test_cfg.get('stride')) == (crop, stride)


def test_a_stride_that_leaves_gaps_is_refused():
    with pytest.raises(ValueError, match=r'stride=\(100, 100\) is larger'):
        load(
            'configs/unimatch/cityscapes_1-8.py',
            'crop_size=65',
            'model.test_cfg.stride=100',
        )


def test_an_evaluation_of_whole_images_has_no_windows():
    cfg = load('configs/st/cityscapes_1-8.py')
    assert cfg.model.test_cfg == dict(mode='whole')


def test_a_pipeline_keeps_the_crop_that_it_names(tmp_path):
    text = """
crop_size = 97
labeled = [dict(type='RandomScaleCrop', crop_size=65), dict(type='PackLabeled')]
train_dataloader = dict(dataset=dict(labeled_pipeline=labeled))
"""
    assert crops(resolve_settings(child(tmp_path, text))) == [65, (97, 97)]


def test_the_second_time_changes_nothing(tmp_path):
    cfg = load('configs/rankmatch/cityscapes_1-8.py', 'crop_size=65')
    once = cfg.to_dict()
    assert resolve_settings(cfg).to_dict() == once
    cfg.dump(tmp_path / 'dumped.py')  # as a run leaves it in its work dir
    dumped = Config.fromfile(tmp_path / 'dumped.py')
    assert resolve_settings(dumped).to_dict() == once


@pytest.mark.parametrize(
    'value', ['0', '-33', '1.5', 'large', '(65,)', '(1,2,3)', 'True', '(65,0)']
)
def test_a_crop_that_is_no_size_is_refused(value):
    with pytest.raises(ValueError, match='crop_size=.* neither a positive whole'):
        load('configs/unimatch/pascal_1-16.py', f'crop_size={value}')


def test_a_crop_that_nothing_follows_is_refused(tmp_path):
    """All pipelines name their own, or none crops."""
    with pytest.raises(ValueError, match=r'(?s)tiny.py: crop_size.*\(33, 33\)'):
        load('tests/configs/tiny.py', 'crop_size=65')
    none = "[dict(type='LoadSegImage')]"
    cfg = child(
        tmp_path,
        f'train_dataloader = dict(dataset=dict(labeled_pipeline={none}, '
        f'unlabeled_pipeline={none}))',
    )
    with pytest.raises(ValueError, match='no pipeline has a RandomScaleCrop'):
        resolve_settings(cfg)
    cfg.crop_size = None
    resolve_settings(cfg)


def test_a_missing_crop_is_named(tmp_path):
    with pytest.raises(ValueError, match='set crop_size'):
        resolve_settings(child(tmp_path, 'crop_size = None'))


def test_defaults_reach_every_transform_of_the_type(tmp_path):
    text = 'transform_defaults = dict(LoadSegImage=dict(channels=4))'
    cfg = resolve_settings(child(tmp_path, text))
    image = dict(type='LoadSegImage', channels=4)
    pipelines = [
        *(cfg.train_dataloader.dataset[name] for name in NAMES),
        cfg.val_dataloader.dataset.pipeline,
        cfg.test_dataloader.dataset.pipeline,
        cfg.test_pipeline,
        cfg.tta_pipeline,
    ]
    assert [pipeline[0] for pipeline in pipelines] == [image] * 6


def test_a_default_that_nothing_follows_is_refused(tmp_path):
    cfg = child(tmp_path, 'transform_defaults = dict(RandomRotate=dict(prob=1))')
    with pytest.raises(ValueError, match='transform_defaults.RandomRotate.prob=1'):
        resolve_settings(cfg)


def test_runners_and_networks_read_a_parsed_config(tmp_path, monkeypatch):
    """Without a tool, they resolve the settings of the config themselves."""
    built = []

    def stop(*args, **kwargs):
        built.extend(a for a in (*args, *kwargs.values()) if isinstance(a, Config))
        raise InterruptedError

    monkeypatch.setattr('mmengine.runner.Runner.__init__', stop)
    monkeypatch.setattr('mmseg.apis.init_model', stop)
    monkeypatch.setattr(SelfTrainingRunner, '__init__', stop)
    for use in (
        SemiRunner.from_cfg,
        SelfTrainingRunner.from_cfg,
        lambda cfg: init_model(cfg, 'no.pth'),
    ):
        with pytest.raises(InterruptedError):
            use(child(tmp_path, "crop_size = 97\nwork_dir = 'work'"))
    assert [crops(cfg) for cfg in built] == [[(97, 97)] * 2] * 3


def test_tiny_is_consistent():
    assert crops(resolve_settings(Config.fromfile(TINY))) == [(33, 33)] * 2

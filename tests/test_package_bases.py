"""`mmseg::...` and `mmsemi::...` as bases of a config."""

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.hub import get_config

import mmsemi
from mmsemi.registry import MODELS
from mmsemi.utils.config import resolve_settings
from tests.helpers.tools import ROOT


def config(tmp_path, text):
    (tmp_path / 'my.py').write_text(text)
    return Config.fromfile(tmp_path / 'my.py')


def resolved(cfg):
    return resolve_settings(cfg).to_dict()


@pytest.mark.parametrize(
    'base, type',
    [
        ('mmseg::_base_/models/fcn_r50-d8.py', 'EncoderDecoder'),
        ('mmseg::fcn/fcn_r50-d8_4xb2-40k_cityscapes-512x1024.py', 'EncoderDecoder'),
        ('mmpretrain::_base_/models/resnet18.py', 'ImageClassifier'),
        ('mmsemi::unimatch/camvid_1-8_r18.py', 'UniMatch'),
    ],
)
def test_bases_of_packages(base, type, tmp_path):
    assert config(tmp_path, f"_base_ = '{base}'").model.type == type


def test_a_config_of_ours_is_the_same_as_by_its_path(tmp_path):
    by_path = resolved(Config.fromfile(ROOT / 'configs/stpp/cityscapes_1-16_r50.py'))
    name = 'mmsemi::stpp/cityscapes_1-16_r50.py'
    assert resolved(config(tmp_path, f"_base_ = '{name}'")) == by_path
    assert resolved(get_config(name)) == by_path


def test_a_network_of_mmseg_under_a_method_of_ours(tmp_path):
    """Both packages' names are found in it, whatever scope MMEngine noted."""
    cfg = config(
        tmp_path,
        """
_base_ = [
    'mmseg::_base_/models/fcn_r50-d8.py', 'mmsemi::_base_/datasets/camvid.py',
    'mmsemi::_base_/schedules/camvid.py', 'mmsemi::_base_/default_runtime.py']
norm_cfg = dict(type='BN')
model = dict(
    type='UniMatch',
    data_preprocessor=dict(type='SemiDataPreprocessor'),
    pretrained=None,
    backbone=dict(depth=18, norm_cfg=norm_cfg),
    decode_head=dict(
        in_channels=512, channels=8, num_classes=11, norm_cfg=norm_cfg,
        loss_decode=dict(_delete_=True, type='PixelDiceLoss')),
    auxiliary_head=None)
""",
    )
    assert cfg.model._scope_ == 'mmseg'
    model = MODELS.build(resolve_settings(cfg).model)
    assert type(model).__name__ == 'UniMatch'
    assert type(model.decode_head.loss_decode).__name__ == 'PixelDiceLoss'
    assert '_scope_' not in str(cfg.to_dict())


def test_a_network_of_mmseg_with_its_own_preprocessor_is_refused(tmp_path):
    cfg = config(
        tmp_path,
        """
_base_ = 'mmseg::_base_/models/fcn_r50-d8.py'
model = dict(type='UniMatch', pretrained=None, auxiliary_head=None)
""",
    )
    with pytest.raises(ValueError, match='data_preprocessor.*SemiDataPreprocessor'):
        MODELS.build(resolve_settings(cfg).model)


def test_the_link_leads_to_the_configs():
    assert (Path(mmsemi.__file__).parent / '.mim/configs').resolve() == ROOT / 'configs'

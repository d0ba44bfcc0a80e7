"""One setting reaches the strong views of every method, and only those."""

import copy

import pytest
from mmengine.config import Config

from mmsemi.registry import DATASETS
from mmsemi.utils.config import resolve_settings
from tests.helpers.tools import ROOT

METHODS = ('fixmatch', 'unimatch', 'rankmatch', 'corrmatch', 'prevmatch')
LITTLE = dict(brightness=0.1, contrast=0.2, saturation=0, hue=0, gray=0, blur=0)


def config(method='unimatch', **strong_view):
    cfg = Config.fromfile(ROOT / f'configs/{method}/camvid_1-8.py')
    cfg.strong_view = strong_view
    return resolve_settings(cfg)


def strong(cfg):
    """The transforms of the strong views that the training builds."""
    pipeline = cfg.train_dataloader.dataset.unlabeled_pipeline
    views = [t for t in pipeline if t.type == 'StrongViews']
    return views[0].get('transforms') if views else pipeline


@pytest.mark.parametrize('method', METHODS)
def test_every_method_follows(method):
    jitter, gray, blur = strong(config(method, **LITTLE))
    assert (jitter.brightness, jitter.contrast) == (0.1, 0.2)
    assert (jitter.saturation, jitter.hue, gray.prob, blur.prob) == (0, 0, 0, 0)


def test_self_training_follows_and_labeled_images_do_not_change():
    cfg = config('st', **LITTLE)
    pipeline = {t.type: t for t in strong(cfg)}
    assert pipeline['RandomColorJitter'].brightness == 0.1
    assert pipeline['RandomBlur'].prob == 0
    plain = config('st')
    assert cfg.train_dataloader.dataset.labeled_pipeline == (
        plain.train_dataloader.dataset.labeled_pipeline
    )


def test_unset_means_released():
    """Without the setting no pipeline changes; one name leaves the others."""
    assert strong(config()) is None
    jitter, gray, blur = strong(config(brightness=0.3))
    assert jitter == dict(type='RandomColorJitter', brightness=0.3)
    assert gray == dict(type='RandomGray') and blur == dict(type='RandomBlur')


def test_a_second_call_changes_nothing():
    cfg = config(blur_sigma=(0.1, 0.5), **LITTLE)
    again = resolve_settings(copy.deepcopy(cfg))
    assert again.to_dict() == cfg.to_dict()
    assert strong(cfg)[2].sigma == (0.1, 0.5)


def test_defaults_of_transforms_follow():
    """Also at a second call: channels are changed by transforms of their own."""
    cfg = Config.fromfile(ROOT / 'configs/unimatch/camvid_1-8.py')
    channels = [dict(type='RandomChannelJitter'), dict(type='RandomBlur')]
    cfg.transform_defaults = dict(
        cfg.transform_defaults,
        StrongViews=dict(transforms=channels),
        RandomBlur=dict(prob=0.3),
    )
    cfg.strong_view = dict(brightness=0.1, blur=0)
    cfg = resolve_settings(resolve_settings(cfg))
    jitter, blur = strong(cfg)
    assert jitter.brightness == 0.1 and blur.prob == 0


def test_operations_of_fixed_strength_are_left_out():
    """AugSeg's: gray values may not change, so only colors and blur remain."""
    cfg = Config.fromfile(ROOT / 'configs/demo/augseg_scenes.py')
    cfg.strong_view = dict(brightness=0.1, contrast=0.1)
    (intensity,) = strong(resolve_settings(cfg))
    assert intensity.operations == ['identity', 'color', 'hue', 'blur', 'sharpness']


@pytest.mark.parametrize(
    'wrong, said',
    [
        (dict(brightnes=0.1), 'strong_view.brightnes does not exist'),
        (dict(hue=0.7), 'hue=0.7 must be a number from 0 to 0.5'),
        (dict(contrast=-1), 'contrast=-1 must be a number of 0 or more'),
        (dict(blur='no'), "blur='no' must be a number from 0 to 1"),
    ],
)
def test_wrong_settings(wrong, said):
    with pytest.raises(ValueError, match=said):
        config(**wrong)


def test_a_view_of_nothing_is_the_weak_view(tiny_data):
    """All strengths 0: only CutMix is left."""
    cfg = Config.fromfile(ROOT / 'tests/configs/tiny.py')
    cfg.train_dataloader.dataset.data_root = str(tiny_data)
    cfg.strong_view = dict(LITTLE, brightness=0, contrast=0)
    dataset = DATASETS.build(resolve_settings(cfg).train_dataloader.dataset)
    from mmsemi.datasets.semi_sampler import SemiIndex

    sample = dataset[SemiIndex((0,), (0,), (1,), 0)]
    (view,) = sample['unlabeled']
    assert (view['strong'][0] == view['weak']).all()

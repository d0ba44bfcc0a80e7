import pytest

from helpers.parts import Parts
from helpers.rehearsal import Rehearsal
from mmsemi.models.utils import PseudoLabel
from tests.helpers.runs import use_method


def test_parts_add_up_to_the_step(cfg):
    parts = Parts()
    parts.measure(Rehearsal(cfg))
    assert parts.spent.keys() >= {
        'backward',
        'confident_ce',
        'forwards',
        'hooks',
        'loss_rank',
        'loss_sup',
        'mixing',
        'optimizer',
        'partner forward',
        'pseudo-label',
        'the rest',
        'views to device',
    }
    assert all(spent >= 0 for spent in parts.spent.values())


def test_layers_and_operators_of_a_method(cfg):
    use_method(cfg, 'CorrMatch')
    del cfg.model['conf_thresh']
    cfg.model.correlation = dict(in_channels=64)
    parts = Parts()
    parts.measure(Rehearsal(cfg))
    assert parts.spent.keys() >= {'correlation', 'propagate_labels', 'region_masks'}


def test_a_part_that_is_gone_is_an_error(cfg, monkeypatch):
    rehearsal = Rehearsal(cfg)
    monkeypatch.delattr(PseudoLabel, 'confident_share')
    with pytest.raises(AttributeError, match='confident_share'):
        Parts().measure(rehearsal)

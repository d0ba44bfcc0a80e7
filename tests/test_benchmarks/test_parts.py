from helpers.parts import Parts
from helpers.rehearsal import Rehearsal


def test_parts_make_up_the_step(cfg):
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
        'optimiser',
        'partner forward',
        'pseudo-label',
        'the rest',
        'views to device',
    }
    assert all(spent >= 0 for spent in parts.spent.values())

from .floor import BareNetwork, own_layers
from .footprint import Footprint, predict_footprint, samples_per_step
from .parts import Parts
from .rehearsal import Rehearsal, RehearsalLoop, set_crop, use_noise

__all__ = [
    'BareNetwork',
    'Footprint',
    'Parts',
    'Rehearsal',
    'RehearsalLoop',
    'own_layers',
    'predict_footprint',
    'samples_per_step',
    'set_crop',
    'use_noise',
]

"""From lists of files to batches of streams, and the built-in data set."""

from . import transforms
from .list_dataset import ListSegDataset
from .lists import ListEntry, list_line, read_list
from .scenes import ensure_scenes
from .self_training_dataset import SelfTrainingDataset
from .semi_dataset import SemiSegDataset, stack_streams
from .semi_sampler import SemiIndex, SemiSampler
from .sights import Sights, Truths, load_sights
from .transforms import FaultyFile

__all__ = [
    'FaultyFile',
    'ListEntry',
    'ListSegDataset',
    'SelfTrainingDataset',
    'SemiIndex',
    'SemiSampler',
    'SemiSegDataset',
    'Sights',
    'Truths',
    'ensure_scenes',
    'list_line',
    'load_sights',
    'read_list',
    'stack_streams',
    'transforms',
]

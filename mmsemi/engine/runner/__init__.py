from .self_training_loops import PseudoLabelLoop, ReliabilityLoop
from .self_training_runner import SelfTrainingRunner
from .semi_runner import SemiRunner

__all__ = ['PseudoLabelLoop', 'ReliabilityLoop', 'SelfTrainingRunner', 'SemiRunner']

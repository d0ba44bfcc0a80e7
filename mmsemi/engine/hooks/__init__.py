from .results_hook import ResultsHook
from .step_seed_hook import StepSeedHook

__all__ = ['ResultsHook', 'StepSeedHook']

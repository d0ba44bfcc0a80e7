"""The MMEngine registries of mmsemi.

There is one for every registry of MMEngine, each a child of MMSegmentation's
registry of that name if there is one, and of MMEngine's root otherwise.  With
``default_scope = 'mmsemi'`` a name is therefore looked up here, then in mmseg,
then in mmengine, and no config needs a prefix for any of the three.

A parent registry does not import its own modules when a child looks a name up.
If ``locations`` named mmsemi's modules alone, mmseg's classes would be looked up
before they are imported and would come back as ``None``.  So every registry
names both.
"""

from mmengine import registry as root
from mmengine.registry import Registry
from mmseg import registry as mmseg


def _child(name: str, *modules: str) -> Registry:
    """Create the child of the registry ``name`` of mmseg, or of mmengine.

    Args:
        name (str): Name of the registry, as both parents export it.
        modules (str): Modules to import for its classes, relative to
            ``mmsemi`` and to ``mmseg``.
    """
    # Not `or`: an empty registry is falsy.
    parent = getattr(mmseg, name, None)
    if parent is None:
        parent = getattr(root, name)
    locations = [f'mmseg.{m}' for m in modules if hasattr(mmseg, name)]
    locations += [f'mmsemi.{m}' for m in modules]
    return Registry(parent.name, parent=parent, scope='mmsemi', locations=locations)


RUNNERS = _child('RUNNERS', 'engine')
RUNNER_CONSTRUCTORS = _child('RUNNER_CONSTRUCTORS', 'engine')
LOOPS = _child('LOOPS', 'engine')
HOOKS = _child('HOOKS', 'engine')
STRATEGIES = _child('STRATEGIES', 'engine')
FUNCTIONS = _child('FUNCTIONS', 'datasets')

DATASETS = _child('DATASETS', 'datasets')
DATA_SAMPLERS = _child('DATA_SAMPLERS', 'datasets')
TRANSFORMS = _child('TRANSFORMS', 'datasets')

MODELS = _child('MODELS', 'models')
MODEL_WRAPPERS = _child('MODEL_WRAPPERS', 'models')
WEIGHT_INITIALIZERS = _child('WEIGHT_INITIALIZERS', 'models')
TASK_UTILS = _child('TASK_UTILS', 'models')

OPTIMIZERS = _child('OPTIMIZERS', 'engine')
OPTIM_WRAPPERS = _child('OPTIM_WRAPPERS', 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child('OPTIM_WRAPPER_CONSTRUCTORS', 'engine')
PARAM_SCHEDULERS = _child('PARAM_SCHEDULERS', 'engine')

METRICS = _child('METRICS', 'evaluation')
EVALUATOR = _child('EVALUATOR', 'evaluation')

VISUALIZERS = _child('VISUALIZERS', 'visualization')
VISBACKENDS = _child('VISBACKENDS', 'visualization')
LOG_PROCESSORS = _child('LOG_PROCESSORS', 'visualization')
INFERENCERS = _child('INFERENCERS', 'engine')

"""The MMEngine registries of mmsemi.

One node for every node of MMEngine, each a child of MMSegmentation's node
where it has one and of MMEngine's root otherwise.  Under
``default_scope = 'mmsemi'`` a name is therefore looked up here, then in
mmseg, then in mmengine, and no config needs a prefix for any of the three.

A parent imports nothing on a child's behalf: were ``locations`` to name our
modules alone, mmseg's classes would be looked up before anyone had imported
them and come back as ``None``.  So every node names both.
"""

from mmengine import registry as root
from mmengine.registry import Registry
from mmseg import registry as mmseg


def _child(name: str, *modules: str) -> Registry:
    """The mmsemi node below the node ``name`` of mmseg (or of mmengine).

    Args:
        name (str): Name of the node as both parents export it.
        modules (str): Modules, relative to ``mmsemi`` and ``mmseg`` alike,
            whose import registers the classes.
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

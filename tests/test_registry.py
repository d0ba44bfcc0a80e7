"""mmsemi's registry nodes: parents, mmseg's classes through them, names."""

import ast
import importlib.util
import json
import subprocess
import sys
import warnings
from collections import defaultdict
from pathlib import Path

import mmengine.registry as mmengine_registry
import mmseg.registry as mmseg_registry
import pytest
from mmengine.registry import Registry

import mmsemi.registry as mmsemi_registry

ROOT = Path(__file__).parents[1]
NODES = sorted(
    name for name, node in vars(mmengine_registry).items() if isinstance(node, Registry)
)

# One class of mmseg for each of its registries that has classes.
MMSEG_CLASSES = [
    ('DATASETS', dict(type='BaseSegDataset', lazy_init=True)),
    ('TRANSFORMS', dict(type='LoadAnnotations')),
    ('TRANSFORMS', dict(type='PackSegInputs')),
    ('MODELS', dict(type='ResNetV1c', depth=18)),
    (
        'MODELS',
        dict(
            type='EncoderDecoder',
            backbone=dict(type='ResNetV1c', depth=18),
            decode_head=dict(
                type='FCNHead',
                in_channels=512,
                channels=4,
                num_classes=3,
                loss_decode=dict(type='CrossEntropyLoss'),
            ),
        ),
    ),
    ('TASK_UTILS', dict(type='DiceCost')),
    ('HOOKS', dict(type='SegVisualizationHook')),
    (
        'OPTIM_WRAPPER_CONSTRUCTORS',
        dict(
            type='LearningRateDecayOptimizerConstructor',
            optim_wrapper_cfg=dict(optimizer=dict(type='SGD', lr=0.1)),
        ),
    ),
    ('PARAM_SCHEDULERS', dict(type='PolyLRRatio', optimizer='SGD')),
    ('METRICS', dict(type='IoUMetric')),
    ('VISUALIZERS', dict(type='SegLocalVisualizer', name='fresh')),
]

# Each class is built in a separate child process, in which no other look-up has
# imported mmseg's modules; what all children need is imported once.
BUILD_IN_FRESH_INTERPRETERS = """
import json, os, sys, traceback
import mmcv.cnn, mmcv.transforms, mmengine.runner, mmengine.visualization
import torch
import mmengine.registry as root
import mmsemi
root.init_default_scope('mmsemi')
mmengine.visualization.Visualizer.get_instance('runner')
children = {}
for node, cfg in json.loads(sys.argv[1]):
    child = os.fork()
    if child == 0:
        try:
            assert not {'mmseg.models', 'mmseg.datasets'} & set(sys.modules)
            if 'optimizer' in cfg:
                cfg['optimizer'] = torch.optim.SGD([torch.zeros(1)], 0.1)
            built = getattr(root, node).build(cfg)
            assert type(built).__module__.startswith('mmseg.'), type(built)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    children[child] = cfg['type']
failed = [name for child, name in children.items() if os.waitpid(child, 0)[1]]
sys.exit(f'failed: {failed}' if failed else 0)
"""


@pytest.mark.parametrize('name', NODES)
def test_every_node_of_mmengine_has_a_child_here(name):
    node = getattr(mmsemi_registry, name)
    above = getattr(mmseg_registry, name, None)
    if above is None:
        above = getattr(mmengine_registry, name)
    assert node.parent is above
    assert node.scope == 'mmsemi'
    assert node.name == above.name
    assert node.build_func is above.build_func


def test_every_node_of_mmseg_with_classes_is_tried_below():
    """Keeps MMSEG_CLASSES complete when mmseg grows."""
    filled = set()
    for name in NODES:
        if (node := getattr(mmseg_registry, name, None)) is not None:
            node.import_from_location()
            if len(node):
                filled.add(name)
    assert filled == {node for node, _ in MMSEG_CLASSES}


def test_classes_of_mmseg_are_built_without_prefix():
    """From mmengine's root under the default scope, as its runner does."""
    run = subprocess.run(
        [sys.executable, '-c', BUILD_IN_FRESH_INTERPRETERS, json.dumps(MMSEG_CLASSES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr


def test_classes_of_mmengine_are_found_without_prefix():
    assert mmsemi_registry.HOOKS.get('CheckpointHook') is not None
    assert mmsemi_registry.OPTIMIZERS.get('SGD') is not None


def names_in_source(package):
    """Names that a package registers, read from its source: {node: names}.

    Not by importing: mmpretrain cannot be without torchvision, nor mmcv.ops
    without its compiled half.
    """
    spec = importlib.util.find_spec(package)
    if spec is None:
        pytest.skip(f'{package} is not installed')
    found = defaultdict(set)
    for path in Path(spec.origin).parent.rglob('*.py'):
        if '.mim' in path.parts:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # their escape sequences
            tree = ast.parse(path.read_text(encoding='utf-8'))
        for item in ast.walk(tree):
            for call in getattr(item, 'decorator_list', ()):
                _collect(call, item.name, found)
            _collect(item, None, found)
    return found


def _collect(call, default, found):
    """Add the names of one call ``NODE.register_module(...)``."""
    if not (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == 'register_module'
        and isinstance(call.func.value, ast.Name)
    ):
        return
    keywords = {k.arg: k.value for k in call.keywords}
    given = call.args[0] if call.args else keywords.get('name')
    names = (
        {
            n.value
            for n in ast.walk(given)
            if isinstance(n, ast.Constant) and isinstance(n.value, str)
        }
        if given is not None
        else set()
    )
    if not names and isinstance(module := keywords.get('module'), ast.Name):
        names = {module.id}
    if not names and default is not None:
        names = {default}
    found[call.func.value.id] |= names


@pytest.mark.parametrize(
    'package, node, known',
    [
        ('mmengine', 'HOOKS', 'CheckpointHook'),
        ('mmcv', 'MODELS', 'MultiScaleDeformableAttention'),
        ('mmseg', 'MODELS', 'EncoderDecoder'),
        ('mmpretrain', 'MODELS', 'ConvNeXt'),
    ],
)
def test_no_name_of_ours_shadows_one_of_theirs(package, node, known):
    theirs = names_in_source(package)
    assert known in theirs[node]
    shadowed = {}
    for name in NODES:
        ours = getattr(mmsemi_registry, name)
        ours.import_from_location()
        shadowed[name] = ours.module_dict.keys() & theirs[name]
    assert not any(shadowed.values()), shadowed


def test_no_name_of_ours_shadows_one_registered_at_run_time():
    """Optimizers, schedulers and the like of torch, registered in loops."""
    for name in NODES:
        node = getattr(mmsemi_registry, name)
        node.import_from_location()
        parent = node.parent
        while parent is not None:
            parent.import_from_location()
            assert not node.module_dict.keys() & parent.module_dict.keys()
            parent = parent.parent

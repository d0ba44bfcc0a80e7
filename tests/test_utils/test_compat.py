"""Every private name of a library that mmsemi relies on, and what breaks without it.

A library may drop such a name in any release.  Here it fails by name; and a new
use of one fails until it is declared below.  Where a public counterpart exists,
use that; where one function can be the only user, put it in ``utils/compat.py``.
"""

import ast
import importlib
import inspect
import pkgutil
import pydoc
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from mmengine.runner import Runner

import mmsemi
from tests.helpers.tools import ROOT

PRIVATE = {
    # MMEngine
    'mmengine.config.DictAction._parse_iterable': 'no --cfg-options are parsed',
    'mmengine.dataset.BaseDataset._fully_initialized': 'lists are read again and again',
    'mmengine.dataset.BaseDataset._indices': '`indices` of a data set is ignored',
    'mmengine.dataset.BaseDataset._join_prefix': (
        'lists at an address are looked for below the data root'
    ),
    'mmengine.dataset.BaseDataset._metainfo': 'each image copies the list of classes',
    'mmengine.hooks.CheckpointHook._default_greater_keys': (
        'save_best takes mFscore only with a rule'
    ),
    'mmengine.hooks.CheckpointHook._init_rule': (
        'a score of an unknown rule is refused without the setting to change'
    ),
    'mmengine.hooks.CheckpointHook._save_checkpoint_with_step': (
        'last_checkpoint is not written whole, and interrupted.pth is not removed'
    ),
    'mmengine.infer.BaseInferencer._init_model': (
        'SemiInferencer loads checkpoints that run code, or are of another network; '
        "mmseg's finds neither our networks nor a way to load images"
    ),
    'mmengine.infer.BaseInferencer._init_pipeline': (
        'SemiInferencer reads images otherwise than the config says'
    ),
    'mmengine.model.BaseDataPreprocessor._non_blocking': (
        'batches are copied to the GPU while the CPU waits'
    ),
    'mmengine.optim.AmpOptimWrapper._scale_update_param': (
        'a constant loss scale of float16 changes'
    ),
    'mmpretrain.models.VisionTransformer._format_output': (
        "DINOv2's features stay tokens"
    ),
    'mmpretrain.models.VisionTransformer._freeze_stages': (
        'frozen_stages of DINOv2 freezes nothing'
    ),
    'mmengine.optim.PolyLR._get_value': (
        "UniMatch V2's learning rate does not lag a step"
    ),
    'mmengine.optim._ParamScheduler': 'no schedule is told from the config of one',
    'mmengine.runner.EpochBasedTrainLoop._epoch': (
        'benchmarks measure the first epoch, where no model guides a method'
    ),
    'mmengine.runner.EpochBasedTrainLoop._iter': (
        'benchmarks measure the first epoch, where no model guides a method'
    ),
    'mmengine.runner.Runner._has_loaded': 'weights loaded by hand are loaded over',
    'mmengine.runner.Runner._init_model_weights': (
        'pretrained files are not found below MMSEMI_DATA, nor refused if they run code'
    ),
    'mmengine.runner.Runner._load_from': 'a damaged checkpoint is resumed from',
    'mmengine.runner.Runner._maybe_compile': (
        'torch.compile gets the whole step, with the hooks that methods add to layers'
    ),
    'mmengine.runner.Runner._resume': (
        'hooks take loading of weights for resuming, and restore the other run'
    ),
    'mmengine.runner.Runner._timestamp': (
        'runs that a process begins in one second share logger, scores and folder'
    ),
    'mmengine.runner.Runner._train_dataloader': (
        'total_batch_size and views_on_device do nothing'
    ),
    'mmengine.runner.Runner._train_loop': (
        'a test builds the training, to look for images in both lists'
    ),
    'mmengine.utils.ManagerMixin._instance_dict': (
        'self-training keeps the logs of all stages in memory'
    ),
    'mmengine.visualization.Visualizer._vis_backends': (
        'the rehearsal leaves a picture in the logs'
    ),
    # mmseg, mmcv
    'mmseg.datasets.transforms.LoadAnnotations._load_seg_map': (
        'masks are read without the check of their values'
    ),
    'mmseg.engine.hooks.SegVisualizationHook._visualizer': (
        'the rehearsal leaves a picture in the logs'
    ),
    'mmseg.models.decode_heads.decode_head.BaseDecodeHead._transform_inputs': (
        'decode heads do not get the feature maps that the config names'
    ),
    # PyTorch
    'torch._dynamo.config.skip_nnmodule_hook_guards': (
        'compiled networks overlook the hooks that methods read layers with'
    ),
    'torch._inductor.config.freezing': 'tools/test.py --compile gains less',
    'torch._subclasses.fake_tensor.FakeTensorMode': 'no memory is predicted',
    'torch.distributed.distributed_c10d._get_default_store': (
        'processes that hang are not named'
    ),
    'torch.optim.SGD._step_supports_amp_scaling': (
        'fused SGD takes uninitialised memory for momentum if float16 skips its '
        'first step'
    ),
    'torch.utils._python_dispatch.TorchDispatchMode': 'no memory is predicted',
    'torch.utils._pytree.tree_map_only': 'no memory is predicted',
}
# Documented, though they begin with an underscore.
PUBLIC = {'_asdict', '_exit', '_fields', '_make', '_replace'}
OWN = {'mmsemi', 'helpers', 'tests', 'tools'}
FOLDERS = ('mmsemi', 'tools', 'benchmarks')


def is_private(name: str) -> bool:
    return bool(re.match(r'_[a-zA-Z]', name)) and name not in PUBLIC


def private_part(path: str) -> str:
    return next(filter(is_private, path.split('.')[::-1]))


@cache
def source(cls: type) -> str:
    try:
        return inspect.getsource(cls)
    except (OSError, TypeError):
        return ''  # written in C


def has_attribute(cls: type, name: str) -> bool:
    """Tell whether a class defines an attribute, or sets it on its instances."""
    return name in vars(cls) or bool(re.search(rf'\bself\.{name}\b', source(cls)))


def exists(path: str) -> bool:
    if pydoc.locate(path) is not None:
        return True
    owner, _, name = path.rpartition('.')
    cls = pydoc.locate(owner)
    return isinstance(cls, type) and any(has_attribute(c, name) for c in cls.__mro__)


@pytest.mark.parametrize('path', PRIVATE)
def test_libraries_still_have_the_name(path):
    assert exists(path), f'{path} is gone: {PRIVATE[path]}'


def test_a_missing_name_would_be_reported():
    assert not exists('mmengine.runner.Runner._no_such_method')
    assert not exists('torch._no_such_module.name')


def test_every_use_is_declared():
    found = {**uses_in_text(), **uses_in_subclasses()}
    declared = {private_part(path) for path in PRIVATE}
    new = {name: place for name, place in found.items() if name not in declared}
    assert not new, f'use a public name, or declare it in PRIVATE: {new}'
    stale = declared - found.keys()
    assert not stale, f'no longer used, remove from PRIVATE: {stale}'


@pytest.mark.parametrize(
    'line',
    [
        'from torch._new import thing',
        'from mmengine.runner import _new',
        'runner._new = 1',
        'getattr(runner, "_new")',
        'super()._new()',
    ],
)
def test_a_new_use_would_be_found(line):
    assert '_new' in set(private_names(ast.parse(line), own=set()))


def test_a_new_override_would_be_found():
    tree = ast.parse(
        'class Child:\n def _maybe_compile(self): return self._hooks, self._mine'
    )
    child = type('Child', (Runner,), {})
    assert set(inherited_names(child, tree.body[0])) == {'_maybe_compile', '_hooks'}


def files() -> list[Path]:
    return [file for folder in FOLDERS for file in (ROOT / folder).rglob('*.py')]


def uses_in_text() -> dict[str, str]:
    """Find private names of other objects than self and of other projects."""
    trees = {file: ast.parse(file.read_text()) for file in files()}
    own = {name for tree in trees.values() for name in definitions(tree)}
    own -= {private_part(path) for path in PRIVATE}
    return {
        name: str(file.relative_to(ROOT))
        for file, tree in trees.items()
        for name in private_names(tree, own)
    }


def definitions(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and node.value.id == 'self'
        ):
            yield node.attr


def private_names(tree: ast.AST, own: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [part for a in node.names for part in a.name.split('.')]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            parts = node.module.split('.')
            if parts[0] not in OWN:
                names = [*parts, *(a.name for a in node.names)]
        elif isinstance(node, ast.Attribute):
            receiver = node.value.id if isinstance(node.value, ast.Name) else ''
            if receiver not in ('self', 'cls') and node.attr not in own:
                names = [node.attr]
        elif isinstance(node, ast.Call):  # getattr(), patch.object()
            texts = [a.value for a in node.args[1:2] if isinstance(a, ast.Constant)]
            called = getattr(node.func, 'id', getattr(node.func, 'attr', ''))
            if called in ('getattr', 'setattr', 'hasattr', 'delattr', 'object'):
                names = [t for t in texts if isinstance(t, str) and t not in own]
        yield from filter(is_private, names)


def uses_in_subclasses() -> dict[str, str]:
    """Private names that classes of the project share with a foreign base."""
    found = {}
    for module in modules():
        for node in ast.parse(Path(module.__file__).read_text()).body:
            if isinstance(node, ast.ClassDef):
                for name in inherited_names(getattr(module, node.name), node):
                    found[name] = f'{module.__name__}.{node.name}'
    return found


def modules() -> Iterator:
    for info in pkgutil.walk_packages(mmsemi.__path__, 'mmsemi.'):
        yield importlib.import_module(info.name)
    for file in (ROOT / 'benchmarks/helpers').glob('[!_]*.py'):
        yield importlib.import_module(f'helpers.{file.stem}')


def inherited_names(cls: type, node: ast.ClassDef) -> Iterator[str]:
    names = {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
    for part in ast.walk(node):
        if (
            isinstance(part, ast.Attribute)
            and isinstance(part.value, ast.Name)
            and part.value.id in ('self', 'cls')
        ):
            names.add(part.attr)
    bases = [
        base
        for base in cls.__mro__[1:]
        if base.__module__.split('.')[0] not in (*OWN, 'builtins')
    ]
    for name in filter(is_private, names):
        if any(has_attribute(base, name) for base in bases):
            yield name

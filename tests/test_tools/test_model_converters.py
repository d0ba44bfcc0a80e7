"""Released checkpoints convert to ours and back."""

import json
import re

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.apis import inference_model, init_model

from mmsemi.apis.released import recognise
from mmsemi.models.released import THEIRS_ALONE, convert_state_dict, release_state_dict
from mmsemi.registry import MODELS
from tests.helpers import networks as tiny
from tests.helpers.tools import TINY, run

from .converters import WRAPPINGS, convert


@pytest.fixture(scope='module')
def state() -> dict:
    """Return the tiny network's tensors under the released names."""
    init_default_scope('mmsemi')
    ours = MODELS.build(Config.fromfile(TINY).model).state_dict()
    return release_state_dict(
        {
            name: torch.randn(value.shape) if value.is_floating_point() else value
            for name, value in ours.items()
        }
    )


@pytest.fixture
def released(state, tmp_path):
    """Return a function that writes them, possibly changed, and returns the file."""

    def write(wrapping='module', **changes):
        tensors = {**state, **changes}
        file = tmp_path / 'released.pth'
        torch.save(
            WRAPPINGS[wrapping]({k: v for k, v in tensors.items() if v is not None}),
            file,
        )
        return file

    return write


def same(first: dict, second: dict) -> bool:
    return list(first) == list(second) and all(
        torch.equal(first[name], second[name])
        and first[name].dtype == second[name].dtype
        for name in first
    )


@pytest.mark.parametrize('wrapping', WRAPPINGS)
def test_round_trip(state, released, tmp_path, wrapping):
    ours, back = tmp_path / 'new/ours.pth', tmp_path / 'back.pth'
    convert('from_released', released(wrapping), ours, '--config', TINY)
    convert('to_released', ours, back, '--wrapping', wrapping)
    found, expected = torch.load(back), WRAPPINGS[wrapping](state)
    if wrapping != 'plain':
        assert list(found) == ['model']
        found, expected = found['model'], expected['model']
    assert same(found, expected)
    assert sorted(p.name for p in tmp_path.rglob('*.pth')) == [
        'back.pth',
        'ours.pth',
        'released.pth',
    ]


def test_the_teacher_beside_the_network(state, tmp_path):
    """UniMatch V2 saves both; the network is converted unless told otherwise."""
    teacher = {name: value + 1 for name, value in state.items()}
    file, only = tmp_path / 'both.pth', tmp_path / 'only.pth'
    torch.save(dict(model=state, model_ema=teacher), file)
    torch.save(dict(model=state), only)
    for options, expected in ((), state), (('--teacher',), teacher):
        convert(
            'from_released', file, tmp_path / 'ours.pth', '--config', TINY, *options
        )
        ours = torch.load(tmp_path / 'ours.pth')['state_dict']
        assert same(release_state_dict(ours), expected)
    with pytest.raises(KeyError, match='no EMA teacher'):
        convert('from_released', only, tmp_path / 'no.pth', '--teacher')


def test_names_of_every_network_round_trip(golden):
    """No two released tensors have the same name here."""
    for file in (golden / 'keys').glob('*.json'):
        released = {
            name: torch.empty(shape, device='meta')
            for name, shape in json.loads(file.read_text()).items()
        }
        ours = convert_state_dict(released)
        assert len(ours) == len(released.keys() - THEIRS_ALONE)
        back = {name: value.shape for name, value in release_state_dict(ours).items()}
        assert back == {name: value.shape for name, value in released.items()}


def test_our_test_tool_accepts_it(released, tiny_data, tmp_path, capsys):
    ours = tmp_path / 'ours.pth'
    convert('from_released', released(), ours, '--config', TINY)
    assert re.search(
        r'All \d+ tensors of .*released\.pth are in', capsys.readouterr().out
    )
    output = run(
        'python',
        'tools/test.py',
        TINY,
        ours,
        '--work-dir',
        tmp_path,
        '--cfg-options',
        f'data_root={tiny_data}',
    )
    assert re.search(r'mIoU [\d.]+', output)


def test_mmseg_accepts_it_with_its_classes(state, released, tmp_path):
    ours = tmp_path / 'ours.pth'
    convert('from_released', released(), ours, '--config', TINY)
    cfg = Config.fromfile(TINY)
    cfg.model = tiny.network(type='EncoderDecoder')
    model = init_model(cfg, str(ours), device='cpu')
    assert model.dataset_meta['classes'] == ('ground', 'disc', 'box', 'bar')
    assert len(model.dataset_meta['palette']) == 4
    assert same(release_state_dict(model.state_dict()), state)
    result = inference_model(model, np.zeros((40, 48, 3), np.uint8))
    assert result.pred_sem_seg.data.shape == (1, 40, 48)


def test_scores_that_old_numpy_wrote(state, tmp_path):
    """Trainers save the best mIoU, a NumPy number, beside the weights."""
    checkpoint = dict(model=state, previous_best=np.float64(75.2))
    torch.save(checkpoint, tmp_path / 'new.pth')
    assert b'numpy._core' in (tmp_path / 'new.pth').read_bytes()
    torch.save(checkpoint, tmp_path / 'old.pth', _use_new_zipfile_serialization=False)
    old = (tmp_path / 'old.pth').read_bytes()
    (tmp_path / 'old.pth').write_bytes(
        old.replace(b'numpy._core.multiarray', b'numpy.core.multiarray')
    )
    for name in ('new', 'old'):
        convert(
            'from_released',
            tmp_path / f'{name}.pth',
            tmp_path / 'ours.pth',
            '--config',
            TINY,
        )


CORRMATCH = dict(type='CorrMatch', correlation=dict(in_channels=64, channels=8))


def test_corrmatch_starts_its_threshold_anew(tmp_path, capsys):
    network = tiny.network(thresh_init=0.7, **CORRMATCH)
    (tmp_path / 'config.py').write_text(
        f"default_scope = 'mmsemi'\nmodel = {network.to_dict()!r}"
    )
    ours = MODELS.build(network).state_dict()
    ours['thresh.value'].fill_(0.9)
    torch.save(dict(state_dict=ours), tmp_path / 'ours.pth')
    convert('to_released', tmp_path / 'ours.pth', tmp_path / 'released.pth')
    names = torch.load(tmp_path / 'released.pth')['model']
    assert {'module.proj.0.weight', 'module.corr.conv2.bias'} <= set(names)
    assert not any('thresh' in name for name in names)
    convert(
        'from_released',
        tmp_path / 'released.pth',
        tmp_path / 'new.pth',
        '--config',
        tmp_path / 'config.py',
    )
    again = torch.load(tmp_path / 'new.pth')['state_dict']
    assert float(again.pop('thresh.value')) == pytest.approx(0.7)
    del ours['thresh.value']
    assert same(again, ours)
    output = capsys.readouterr().out
    assert 'without thresh.value' in output and 'starts at 0.70' in output


def fails(tool, *args, match):
    with pytest.raises((OSError, ValueError), match=match) as error:
        convert(tool, *args)
    assert str(args[0]) in str(error.value)
    assert not args[1].exists()


@pytest.mark.parametrize(
    'changes,match',
    [
        (
            {'classifier.bias': None, 'reduce.0.weight': None},
            'lacks classifier.bias, reduce.0.weight[.]',
        ),
        ({'head.b9.0.weight': torch.zeros(1)}, 'also has head.b9.0.weight'),
        ({'neck.weight': torch.zeros(1)}, '1 of its .* tensors .*: neck.weight'),
        (
            {'classifier.weight': torch.zeros(5, 16, 1, 1)},
            r'classifier.weight \(5, 16, 1, 1\) for \(4, 16, 1, 1\)',
        ),
        ({'proj.0.bias': torch.zeros(8)}, 'also has proj.0.bias'),
    ],
)
def test_every_key_is_accounted_for(released, tmp_path, changes, match):
    fails(
        'from_released',
        released(**changes),
        tmp_path / 'out.pth',
        '--config',
        TINY,
        match=match,
    )


def test_another_network_than_the_config(released, tmp_path):
    """Its tensors are those of a ResNet, but a shallower one."""
    fails(
        'from_released',
        released(),
        tmp_path / 'out.pth',
        match=r'not of this network: it lacks .*--config',
    )


def test_config_of_a_network_never_released(released, tmp_path):
    (tmp_path / 'segformer.py').write_text(
        'model = ' + repr(tiny.network('segformer', type='Supervised').to_dict())
    )
    fails(
        'from_released',
        released(),
        tmp_path / 'out.pth',
        '--config',
        tmp_path / 'segformer.py',
        match='the config is not of a released network',
    )


class Payload:
    def __reduce__(self):
        return print, ('run',)


@pytest.mark.parametrize('tool', ['from_released', 'to_released'])
def test_unreadable_files(tmp_path, capsys, tool):
    out = tmp_path / 'out.pth'
    fails(tool, tmp_path / 'nowhere.pth', out, match='There is no file')
    page = tmp_path / 'page.pth'
    page.write_text('<html>Too many downloads</html>')
    fails(tool, page, out, match='is a web page')
    torch.save(dict(model=Payload()), tmp_path / 'code.pth')
    fails(tool, tmp_path / 'code.pth', out, match='could run code')
    torch.save([1, 2], tmp_path / 'list.pth')
    fails(tool, tmp_path / 'list.pth', out, match='contains a list')
    assert 'run' not in capsys.readouterr().out


@pytest.mark.parametrize('tool', ['from_released', 'to_released'])
def test_weights_of_an_unknown_network(tmp_path, tool):
    torch.save(
        MODELS.build(tiny.network('segformer', type='Supervised')).state_dict(),
        tmp_path / 'net.pth',
    )
    fails(tool, tmp_path / 'net.pth', tmp_path / 'out.pth', match='None of its tensors')


def test_network_is_known_by_its_tensors(golden):
    """Without --config; every config in the table builds the network it stands for."""
    for file in (golden / 'keys').glob('*.json'):
        state = convert_state_dict(
            {
                name: torch.empty(shape, device='meta')
                for name, shape in json.loads(file.read_text()).items()
            }
        )
        cfg = recognise(state)
        with torch.device('meta'):
            own = MODELS.build(cfg.model).state_dict()
        own.pop('thresh.value', None)
        assert {name: value.shape for name, value in own.items()} == {
            name: value.shape for name, value in state.items()
        }

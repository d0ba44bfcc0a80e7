import pytest
import torch
from mmengine.config import Config

from mmsemi.apis import init_model
from tests.helpers.tools import TINY


def test_the_network_of_the_checkpoint_in_eval_mode(model, checkpoint):
    state = torch.load(checkpoint)['state_dict']
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, state[name])
    assert not any(module.training for module in model.modules())
    assert model.dataset_meta['classes'] == ('ground', 'disc', 'box', 'bar')
    assert len(model.dataset_meta['palette']) == 4


def test_a_config_is_left_as_it_is(checkpoint):
    cfg = Config.fromfile(TINY)
    cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint='nowhere.pth')
    before = cfg.to_dict()
    init_model(cfg, checkpoint, 'cpu')
    assert cfg.to_dict() == before


def test_weights_without_a_wrapping(checkpoint, tmp_path):
    state = torch.load(checkpoint)['state_dict']
    torch.save({f'module.{k}': v for k, v in state.items()}, tmp_path / 'plain.pth')
    model = init_model(TINY, tmp_path / 'plain.pth', 'cpu')
    weight = model.decode_head.conv_seg.weight
    assert torch.equal(weight, state['decode_head.conv_seg.weight'])


def test_what_does_not_exist(checkpoint, tmp_path):
    with pytest.raises(FileNotFoundError, match='no config .*nowhere.py'):
        init_model(tmp_path / 'nowhere.py', checkpoint)
    with pytest.raises(FileNotFoundError, match='no file .*nowhere.pth'):
        init_model(TINY, tmp_path / 'nowhere.pth', 'cpu')


def test_checkpoint_of_another_network(checkpoint):
    cfg = Config.fromfile(TINY)
    cfg.model.decode_head.num_classes = 5
    message = 'random.pth is not of this network: it predicts 4 classes, the network 5'
    with pytest.raises(ValueError, match=f'{message}.*conv_seg') as error:
        init_model(cfg, checkpoint, 'cpu')
    assert 'config that lies beside it' in str(error.value)
    assert '\n' not in str(error.value)
    cfg.strict_load = False
    with pytest.raises(ValueError, match=message):
        init_model(cfg, checkpoint, 'cpu')
    cfg = Config.fromfile(TINY)
    cfg.model.decode_head.c1_channels = 12
    with pytest.raises(ValueError, match='not of this network: it has other shapes'):
        init_model(cfg, checkpoint, 'cpu')


def test_tensors_that_have_no_place(checkpoint, tmp_path):
    """They are ignored if the config says so."""
    state = dict(torch.load(checkpoint)['state_dict'], extra=torch.ones(1))
    torch.save(state, tmp_path / 'more.pth')
    with pytest.raises(ValueError, match='it also has extra.*strict_load=False'):
        init_model(TINY, tmp_path / 'more.pth', 'cpu')
    cfg = Config.fromfile(TINY)
    cfg.strict_load = False
    model = init_model(cfg, tmp_path / 'more.pth', 'cpu')
    assert torch.equal(
        model.decode_head.conv_seg.weight, state['decode_head.conv_seg.weight']
    )


@pytest.mark.parametrize('content', [b'', b'<html>', [1, 2]])
def test_no_checkpoint(content, tmp_path):
    file = tmp_path / 'a.pth'
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(content, file)
    with pytest.raises(
        ValueError, match='is empty|is a web page|contains a list'
    ) as error:
        init_model(TINY, file, 'cpu')
    assert '\n' not in str(error.value)


class Harmful:
    def __reduce__(self):
        return eval, ('1 + 1',)


def test_checkpoint_that_runs_code(checkpoint, tmp_path):
    content = torch.load(checkpoint)
    torch.save(dict(content, extra=Harmful()), tmp_path / 'harmful.pth')
    with pytest.raises(ValueError, match='eval.*could run code'):
        init_model(TINY, tmp_path / 'harmful.pth', 'cpu')
    cfg = Config.fromfile(TINY)
    cfg.trust_checkpoint = True
    init_model(cfg, tmp_path / 'harmful.pth', 'cpu')

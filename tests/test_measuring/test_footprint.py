import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from helpers.floor import BareNetwork
from helpers.measure import peak_memory
from helpers.rehearsal import Rehearsal, set_crop, use_noise
from mmsemi.apis.check_cost import predict_shares
from mmsemi.measuring.footprint import fake_step, peak_bytes, predict_footprint
from mmsemi.registry import MODELS
from mmsemi.utils.config import resolve_settings
from tests.helpers.runs import TINY_DINOV2, use_method
from tests.helpers.tools import ROOT, TINY

# With more threads, convolutions take more memory beside the tensors.
pytestmark = pytest.mark.usefixtures('one_thread')


@pytest.fixture
def cfg(tmp_path):
    cfg = Config.fromfile(TINY)
    set_crop(cfg, 49)
    use_noise(cfg, str(tmp_path), images=8)
    return cfg


@pytest.mark.parametrize('switch', [{}, dict(gradient_checkpointing=True)])
def test_predicted_memory_is_the_measured(cfg, switch):
    cfg.merge_from_dict(switch)
    footprint = predict_footprint(copy.deepcopy(cfg))
    rehearsal = Rehearsal(cfg)
    rehearsal.step()
    measured = peak_memory(rehearsal.step)
    assert footprint.step - footprint.held == pytest.approx(measured, rel=0.1)
    with fake_step(cfg) as fake:
        floor = BareNetwork(fake.run, fake.context)
        assert peak_bytes(floor.run) < peak_bytes(fake.run)


def test_predicted_memory_of_a_transformer(tmp_path):
    """Its weights are large beside its activations, as DINOv2's are."""
    cfg = resolve_settings(Config.fromfile(ROOT / 'tests/configs/tiny_dinov2.py'))
    cfg.model.backbone.arch.update(embed_dims=128, feedforward_channels=512)
    cfg.model.decode_head.in_channels = [128] * 4
    set_crop(cfg, 28)
    use_noise(cfg, str(tmp_path), images=8)
    footprint = predict_footprint(copy.deepcopy(cfg))
    rehearsal = Rehearsal(cfg)
    rehearsal.step()
    measured = peak_memory(rehearsal.step)
    assert footprint.step - footprint.held == pytest.approx(measured, rel=0.1)


def test_views_of_what_was_there_do_not_count():
    weight = torch.zeros(10, 100)
    assert peak_bytes(lambda: weight.t()) == 0
    assert peak_bytes(lambda: weight.t() + 1) == 4000


def test_labels_that_propagate_have_known_shapes(cfg):
    use_method(cfg, 'CorrMatch')
    del cfg.model['conf_thresh']
    cfg.model.correlation = dict(in_channels=64)
    footprint = predict_footprint(copy.deepcopy(cfg))
    rehearsal = Rehearsal(cfg)
    rehearsal.step()
    measured = peak_memory(rehearsal.step)
    assert footprint.step - footprint.held == pytest.approx(measured, rel=0.2)


def test_previous_models_take_room(cfg):
    use_method(cfg, 'PrevMatch')
    model = MODELS.build(cfg.model)
    weights, momentum = (
        sum(t.numel() * t.element_size() for t in tensors)
        for tensors in (model.state_dict().values(), model.parameters())
    )
    for hook, copies in (
        (dict(max_models=3), 3),
        # And one more for the model that predicts, converted or moved:
        (dict(max_models=3, dtype='half'), 2.5),
        (dict(max_models=3, device='cpu'), 1),
    ):
        cfg.custom_hooks = [dict(type='PreviousModelsHook', **hook)]
        held = predict_footprint(cfg).held
        assert held == momentum + int((1 + copies) * weights)


def test_optimizers_keep_moments_of_what_trains(cfg):
    """As many as the optimizer has after a step."""
    for optimizer, frozen in (
        (dict(type='SGD', lr=0.1, momentum=0), False),
        (dict(type='SGD', lr=0.1, momentum=0.9), False),
        (dict(type='AdamW', lr=0.1), False),
        (dict(type='AdamW', lr=0.1), True),
    ):
        cfg.optim_wrapper.optimizer = optimizer
        cfg.model.backbone.frozen_stages = 4 if frozen else -1
        torch.manual_seed(0)
        model = MODELS.build(cfg.model).train()
        optim = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.grad = torch.zeros_like(parameter)
        optim.step()
        kept = sum(
            value.numel() * value.element_size()
            for state in optim.state.values()
            for value in state.values()
            if torch.is_tensor(value) and value.dim()
        )
        weights = sum(t.numel() * t.element_size() for t in model.state_dict().values())
        assert predict_footprint(cfg).held == kept + weights


def test_sharding_divides_what_is_held():
    """Not the activations; one process holds everything."""
    cfg = Config.fromfile(TINY_DINOV2)
    cfg.optim_wrapper.optimizer = dict(type='AdamW', lr=1e-3)
    whole = predict_footprint(cfg, 2)
    cfg.sharding = True
    ((processes, held, step),) = predict_shares(cfg)  # of the 2 samples
    assert processes == 2
    assert held == pytest.approx(whole.held / 2, rel=0.02)
    assert whole.held / 2 < step < whole.step + whole.held / 2
    with fake_step(cfg) as alone:
        assert alone.held == whole.held

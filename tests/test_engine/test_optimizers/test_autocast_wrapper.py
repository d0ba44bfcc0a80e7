import pytest
import torch

from mmsemi.engine.optimizers import AutocastOptimWrapper, autocast_wrapper


@pytest.fixture
def weight():
    return torch.nn.Parameter(torch.ones(3))


def wrap(weight, **kwargs):
    return AutocastOptimWrapper(
        optimizer=torch.optim.SGD([weight], lr=0.1, momentum=0.9, fused=True), **kwargs
    )


def test_infinite_gradients_leave_no_trace(weight):
    """Also in fused SGD, whose momentum they would leave uninitialised."""
    wrapper = wrap(weight, dtype='float16')
    wrapper.update_params((weight * float('inf')).sum())
    assert not wrapper.optimizer.state and weight.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    'loss_scale, first, halved',
    [
        ('dynamic', 2**16, True),
        (512, 512, False),
        (dict(init_scale=1024.0), 1024, True),
    ],
)
def test_scales_of_the_loss(weight, loss_scale, first, halved):
    wrapper = wrap(weight, dtype='float16', loss_scale=loss_scale)
    wrapper.update_params(weight.sum())
    torch.testing.assert_close(weight.data, torch.full((3,), 0.9))
    assert wrapper.loss_scaler.get_scale() == first
    wrapper.update_params((weight * float('inf')).sum())
    assert wrapper.loss_scaler.get_scale() == first / (1 + halved)


@pytest.mark.filterwarnings('ignore:.*CUDA is not available')
@pytest.mark.parametrize(
    'device, dtype', [('cpu', torch.float32), ('cuda', torch.float16)]
)
def test_default_dtype_of_each_device(weight, monkeypatch, device, dtype):
    monkeypatch.setattr(autocast_wrapper, 'get_device', lambda: device)
    assert wrap(weight, dtype=None).cast_dtype == dtype


def test_a_cpu_uses_full_precision_without_a_dtype(weight):
    wrapper = wrap(weight, dtype=None)
    layer = torch.nn.Linear(2, 2)
    with wrapper.optim_context(layer):
        assert layer(torch.ones(1, 2)).dtype == torch.float32


def test_resumes_a_run_that_did_not_scale(weight):
    """For example from bfloat16 on a CPU to float16 on a GPU."""
    state = wrap(weight, dtype='bfloat16').state_dict()
    assert state['loss_scaler'] == {}
    wrapper = wrap(weight, dtype='float16')
    wrapper.load_state_dict(state)
    assert wrapper.loss_scaler.get_scale() == 2**16


@pytest.mark.parametrize(
    'kwargs, message',
    [
        (dict(dtype='float32'), "dtype='float32' is none of"),
        (dict(loss_scale='static'), "loss_scale must be .* got 'static'"),
    ],
)
def test_refused(weight, kwargs, message):
    with pytest.raises(ValueError, match=message):
        wrap(weight, **kwargs)

import pytest
from mmengine.config import Config

from mmsemi.engine.runner import precision
from mmsemi.engine.runner.precision import use_mixed_precision


@pytest.mark.parametrize('device, dtype', [('cpu', 'bfloat16'), ('cuda', 'float16')])
@pytest.mark.parametrize(
    'wrapper',
    [
        dict(),
        dict(type='OptimWrapper'),
        dict(type='AmpOptimWrapper'),
        dict(type='AutocastOptimWrapper', dtype=None),
    ],
)
def test_amp_makes_a_run_mixed(wrapper, device, dtype, monkeypatch):
    monkeypatch.setattr(precision, 'get_device', lambda: device)
    cfg = Config(dict(optim_wrapper=wrapper))
    use_mixed_precision(cfg)
    assert cfg.optim_wrapper == dict(type='AutocastOptimWrapper', dtype=dtype)


def test_amp_keeps_the_dtype_of_the_config():
    cfg = Config(dict(optim_wrapper=dict(type='AmpOptimWrapper', dtype='float16')))
    use_mixed_precision(cfg)
    assert cfg.optim_wrapper == dict(type='AutocastOptimWrapper', dtype='float16')


def test_amp_says_that_a_run_is_mixed_already(capfd):
    wrapper = dict(type='AutocastOptimWrapper', dtype='float16')
    cfg = Config(dict(optim_wrapper=dict(wrapper)))
    use_mixed_precision(cfg)
    assert cfg.optim_wrapper == wrapper
    assert '--amp changes nothing' in capfd.readouterr().out


def test_amp_says_what_it_cannot_make_mixed():
    cfg = Config(dict(optim_wrapper=dict(type='ApexOptimWrapper')))
    with pytest.raises(ValueError, match="--amp .*type='ApexOptimWrapper'"):
        use_mixed_precision(cfg)

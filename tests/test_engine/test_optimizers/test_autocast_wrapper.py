import torch

from mmsemi.engine.optimizers.autocast_wrapper import AutocastOptimWrapper


def test_infinite_gradients_leave_no_trace():
    """In fused SGD neither, whose momentum began uninitialised by them."""
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9, fused=True)
    wrapper = AutocastOptimWrapper(dtype='float16', optimizer=optimizer)
    wrapper.update_params((weight * float('inf')).sum())
    assert not optimizer.state and weight.tolist() == [1, 1, 1]

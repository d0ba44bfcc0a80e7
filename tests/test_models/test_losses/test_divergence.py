import pytest
import torch
import torch.nn.functional as F

from mmsemi.models.losses import masked_kl, squared_distance


def maps(seed=0, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    logits, target = (
        3 * torch.randn(2, 5, 6, 7, generator=g, dtype=dtype) for _ in range(2)
    )
    keep, valid = (torch.rand(2, 6, 7, generator=g) < 0.7 for _ in range(2))
    return logits.requires_grad_(), target.requires_grad_(), keep, valid


def by_definition(logits, target, keep, valid):
    p, q = target.detach().softmax(1), logits.softmax(1)
    return ((p * (p / q).log()).sum(1) * (keep & valid)).sum() / valid.sum()


def test_value_and_gradient():
    logits, target, keep, valid = maps()
    loss = masked_kl(logits, target, keep, valid)
    expected = by_definition(logits, target, keep, valid)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(
        *(torch.autograd.grad(3 * value, logits)[0] for value in (loss, expected))
    )
    assert torch.autograd.gradcheck(
        lambda logits: masked_kl(logits, target, keep, valid), logits
    )


def test_no_gradient_flows_into_the_target():
    logits, target, keep, valid = maps()
    masked_kl(logits, target, keep, valid).backward()
    assert target.grad is None


def test_arguments_are_left_as_they_were():
    logits, target, keep, valid = maps()
    before = logits.detach().clone(), target.detach().clone()
    masked_kl(logits, target, keep, valid).backward()
    assert torch.equal(logits, before[0]) and torch.equal(target, before[1])


def test_nothing_valid():
    logits, target, keep, valid = maps()
    loss = masked_kl(logits, target, keep, torch.zeros_like(valid))
    loss.backward()
    assert loss == 0 and not logits.grad.any()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_floats(dtype):
    logits, target, keep, valid = maps(dtype=dtype)
    loss = masked_kl(logits, target, keep, valid)
    loss.backward()
    assert loss.dtype == torch.float32 and logits.grad.dtype == dtype
    expected = masked_kl(logits.float(), target.float(), keep, valid)
    torch.testing.assert_close(loss, expected)


def test_only_one_map_is_kept_for_the_backward_pass():
    logits, target, keep, valid = maps()
    kept = []

    def note(tensor):
        if tensor.shape == logits.shape:
            kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda t: t):
        masked_kl(logits, target, keep, valid)
    assert len(kept) == 1


def test_distant_distributions_stay_finite():
    logits = torch.tensor([[200.0, 0.0]]).view(1, 2, 1, 1).requires_grad_()
    target = torch.tensor([[0.0, 200.0]]).view(1, 2, 1, 1)
    one = torch.ones(1, 1, 1, dtype=torch.bool)
    loss = masked_kl(logits, target, one, one)
    loss.backward()
    torch.testing.assert_close(loss, torch.tensor(200.0))
    assert torch.isfinite(logits.grad).all()
    assert F.softmax(target, 1)[0, 0] == 0  # log of it would be -inf


def test_squared_distance_by_its_definition():
    logits, target, keep, _ = maps()
    target = target.detach().softmax(1)
    before = logits.detach().clone(), target.clone()
    distance = squared_distance(logits, target)
    expected = (logits.softmax(1) - target).square().sum(1)
    torch.testing.assert_close(distance, expected)
    torch.testing.assert_close(
        *(
            torch.autograd.grad((value * keep).mean(), logits)[0]
            for value in (distance, expected)
        )
    )
    assert torch.autograd.gradcheck(
        lambda logits: squared_distance(logits, target), logits
    )
    assert torch.equal(logits, before[0]) and torch.equal(target, before[1])


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_squared_distance_is_computed_in_floats(dtype):
    logits, target, *_ = maps(dtype=dtype)
    distance = squared_distance(logits, target.detach().softmax(1))
    distance.sum().backward()
    assert distance.dtype == torch.float32 and logits.grad.dtype == dtype

import torch

from mmsemi.models.utils import ClassBalance

MASK = torch.tensor([[[0, 0, 0, 0, 1, 1, 2, 255]]])  # class 3 does not occur


def test_weights_are_the_roots_of_the_rarity():
    balance = ClassBalance(4, momentum=0)
    weights = balance.update(MASK)
    torch.testing.assert_close(balance.share, torch.tensor([4, 2, 1, 0]) / 7)
    torch.testing.assert_close(weights[:3], torch.tensor([0.5, 1, 2]) ** 0.5)
    assert weights[3] == balance.largest
    assert ClassBalance(4, power=0).update(MASK).equal(torch.ones(4))


def test_shares_follow_the_labels():
    balance = ClassBalance(4, momentum=0.5)
    assert balance.update(torch.full_like(MASK, 255)).equal(torch.ones(4))
    balance.update(MASK)
    torch.testing.assert_close(balance.share[0], torch.tensor((1 / 4 + 4 / 7) / 2))
    saved = ClassBalance(4, momentum=0.5)
    saved.load_state_dict(balance.state_dict())
    assert saved.update(MASK).equal(balance.update(MASK))

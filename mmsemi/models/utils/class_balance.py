"""Weights of the classes by how rare they are."""

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

RARE = 1e-6  # share below which a class does not occur


class ClassBalance(nn.Module):
    """Weights of the classes by their share of the labeled pixels.

    The weight of class k is ``(median share / share_k) ** power``, at most
    ``largest``, where the shares are a moving average over the labeled crops of
    all processes, and the median is that of the classes that occur (``power=1``:
    median frequency balancing, `arXiv:1411.4734
    <https://arxiv.org/abs/1411.4734>`_, section 6.3.2).  The shares begin alike,
    and so all weights with 1.

    The shares are the buffer ``share``, (C,): saved and resumed with the network.
    No update synchronizes with the device.

    Args:
        num_classes (int): C.
        power (float): 0 weighs all classes alike.  Defaults to 0.5.
        momentum (float): Weight of the old shares in an update, in [0, 1].
            Defaults to 0.99.
        largest (float): Largest weight.  Defaults to 10.
    """

    share: Tensor

    def __init__(
        self,
        num_classes: int,
        power: float = 0.5,
        momentum: float = 0.99,
        largest: float = 10.0,
    ) -> None:
        super().__init__()
        self.power = power
        self.momentum = momentum
        self.largest = largest
        self.register_buffer('share', torch.full((num_classes,), 1 / num_classes))

    @torch.no_grad()
    def update(self, mask: Tensor) -> Tensor:
        """Update the shares with a batch of masks.

        Args:
            mask (Tensor): (B, H, W), int64, 255 = ignore.

        Returns:
            Tensor: The weights now, (C,).
        """
        num_classes = len(self.share)
        label = mask.flatten().clamp(max=num_classes)  # the last one: not labeled
        count = self.share.new_zeros(num_classes + 1)
        count = count.scatter_add(0, label, torch.ones_like(label, dtype=count.dtype))
        count = count[:-1]
        all_reduce(count)
        total = count.sum()
        now = torch.where(total > 0, count / total.clamp(min=1), self.share)
        self.share.lerp_(now, 1 - self.momentum)
        median = self.share.masked_fill(self.share < RARE, torch.nan).nanmedian()
        rarity = median / self.share.clamp(min=RARE)
        return (rarity**self.power).clamp(max=self.largest)

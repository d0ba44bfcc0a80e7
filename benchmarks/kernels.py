"""Measure losses, mixing and IoU counts, compared with libraries.

    OMP_NUM_THREADS=1 python benchmarks/kernels.py --out kernels.json

compares each with what mmseg and PyTorch offer for it, alternating in one
process, at published sizes; losses include their gradient.  Time is the
median, memory the peak of a call without its inputs.
"""

import statistics
from collections.abc import Callable

import torch
import torch.nn.functional as F
from mmseg.evaluation import IoUMetric
from mmseg.models.losses import CrossEntropyLoss, OhemCrossEntropy

from helpers.measure import make_parser, peak_memory, take_turns, write_report
from mmsemi.evaluation import ConfusionIoUMetric
from mmsemi.models.losses import masked_cross_entropy, masked_kl, ohem_cross_entropy
from mmsemi.models.utils import cutmix, snapshot_reliability
from mmsemi.structures import as_pastes

Rivals = dict[str, Callable]


def smooth_labels(
    num: int, classes: int, size: tuple[int, int], generator: torch.Generator
) -> torch.Tensor:
    """Make label maps (num, H, W) of smooth regions, as networks predict them."""
    coarse = torch.randn(num, classes, 8, 10, generator=generator)
    return F.interpolate(coarse, size, mode='bilinear').argmax(1)


def with_gradient(logits: torch.Tensor, loss: Callable) -> Callable:

    def step() -> torch.Tensor:
        value = loss(logits)
        value.backward()
        logits.grad = None
        return value.detach()

    return step


def masked_ce(device: str, generator: torch.Generator) -> Rivals:
    logits = torch.randn(2, 21, 321, 321, generator=generator)
    label = logits.argmax(1).to(device)
    keep, valid = (torch.rand(2, 2, 321, 321, generator=generator) < 0.7).to(device)
    logits = logits.to(device).requires_grad_()
    theirs = CrossEntropyLoss()

    def torch_masked(x):
        loss = F.cross_entropy(x, label, reduction='none')
        return (loss * (keep & valid)).sum() / valid.sum()

    def torch_ignoring(x):
        target = label.masked_fill(~(keep & valid), -100)
        return F.cross_entropy(x, target, reduction='sum') / valid.sum()

    losses = dict(
        ours=lambda x: masked_cross_entropy(x, label, keep, valid),
        mmseg=lambda x: theirs(
            x,
            label,
            weight=(keep & valid).float(),
            avg_factor=valid.sum(),
            ignore_index=255,
        ),
        torch=torch_masked,
        torch_ignore_index=torch_ignoring,
    )
    return {k: with_gradient(logits, loss) for k, loss in losses.items()}


def divergence(device: str, generator: torch.Generator) -> Rivals:
    logits, target = torch.randn(2, 2, 21, 321, 321, generator=generator).to(device)
    keep, valid = (torch.rand(2, 2, 321, 321, generator=generator) < 0.7).to(device)

    def kl_div(x):
        loss = F.kl_div(
            x.log_softmax(1), target.log_softmax(1), reduction='none', log_target=True
        ).sum(1)
        return (loss * (keep & valid)).sum() / valid.sum()

    losses = dict(ours=lambda x: masked_kl(x, target, keep, valid), torch=kl_div)
    logits.requires_grad_()
    return {k: with_gradient(logits, loss) for k, loss in losses.items()}


def ohem(device: str, generator: torch.Generator) -> Rivals:
    logits = torch.randn(2, 19, 801, 801, generator=generator)
    mask = torch.randint(19, (2, 801, 801), generator=generator)
    logits.scatter_add_(1, mask[:, None], torch.full((2, 1, 801, 801), 6.0))
    mask[:, :20] = 255
    mask, logits = mask.to(device), logits.to(device).requires_grad_()
    theirs = OhemCrossEntropy(min_kept=200000)
    losses = dict(
        ours=lambda x: ohem_cross_entropy(x, mask, 0.7, 200000),
        mmseg=lambda x: theirs(x, mask),
    )
    return {k: with_gradient(logits, loss) for k, loss in losses.items()}


def mixing(device: str, generator: torch.Generator) -> Rivals:
    own, other = torch.randn(2, 4, 3, 321, 321, generator=generator).to(device)
    pastes = as_pastes([[40, 60, 200, 250], [0, 0, 0, 0]] * 2)
    mask = torch.zeros(4, 321, 321, dtype=torch.bool)
    mask[::2, 60:250, 40:200] = True
    mask = mask.to(device)

    def assignment():
        out, index = own.clone(), mask[:, None].expand_as(own)
        out[index] = other[index]
        return out

    def product():
        share = mask[:, None].float()
        return own * (1 - share) + other * share

    return dict(
        ours=lambda: cutmix(own, other, pastes),
        torch_where=lambda: torch.where(mask[:, None], other, own),
        torch_assignment=assignment,
        torch_product=product,
    )


def reliability(device: str, generator: torch.Generator) -> Rivals:
    first, second = smooth_labels(2, 21, (375, 500), generator)
    labels = torch.stack(
        [
            torch.where(
                torch.rand(375, 500, generator=generator) < share, second, first
            )
            for share in (0.2, 0.1, 0)
        ]
    )[:, None].to(device)

    def theirs():
        ious = [
            IoUMetric.intersect_and_union(earlier[0], labels[-1, 0], 21, 255)
            for earlier in labels[:-1]
        ]
        means = [(both.double() / either).nanmean() for both, either, *_ in ious]
        return torch.stack(means).mean().to(device)

    return dict(ours=lambda: snapshot_reliability(labels, 21)[0], mmseg=theirs)


def confusion(device: str, generator: torch.Generator) -> Rivals:
    pred, other = smooth_labels(2, 19, (1024, 2048), generator)
    wrong = torch.rand(pred.shape, generator=generator) < 0.1
    mask = torch.where(wrong, other, pred).to(torch.uint8)
    mask[:50] = 255
    pred, mask = pred.to(device), mask.to(device)

    def areas(metric):
        return torch.stack(
            metric.intersect_and_union(pred, mask.to(pred), 19, 255)
        ).float()

    return dict(
        ours=lambda: areas(ConfusionIoUMetric()).to(device),
        mmseg=lambda: areas(IoUMetric).to(device),
    )


KERNELS = {
    'masked CE, 2x21x321x321': masked_ce,
    'masked KL, 2x21x321x321': divergence,
    'OHEM, 2x19x801x801': ohem,
    'CutMix, 4x3x321x321': mixing,
    'reliability, 3 of 375x500': reliability,
    'IoU counts, 1024x2048': confusion,
}


def measure(rivals: Rivals, repeats: int, device: str) -> list[dict]:
    """Check that all rivals agree; return one row for each."""
    expected = rivals['ours']()
    for run in rivals.values():
        torch.testing.assert_close(
            run(), expected, rtol=1e-4, atol=1e-6, check_dtype=False
        )
    times = take_turns(rivals, repeats)
    ours = statistics.median(times['ours'])
    return [
        dict(
            way=name,
            ms=1e3 * statistics.median(spent),
            ratio=statistics.median(spent) / ours,
            mb=peak_memory(rivals[name], device) / 2**20,
        )
        for name, spent in times.items()
    ]


def main() -> None:
    """Run the command line."""
    parser = make_parser(__doc__, repeats=7)
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    args = parser.parse_args()

    rows = []
    print(f'{"kernel":<26} {"":<18} {"time":>11} {"to ours":>8} {"memory":>11}')
    for kernel, make in KERNELS.items():
        rivals = make(args.device, torch.Generator().manual_seed(0))
        for row in measure(rivals, args.repeats, args.device):
            rows.append(dict(kernel=kernel, **row))
            print(
                f'{kernel:<26} {row["way"]:<18} {row["ms"]:>8.2f} ms '
                f'{row["ratio"]:>7.2f}x {row["mb"]:>8.2f} MB'
            )
    write_report(args, rows=rows)


if __name__ == '__main__':
    main()

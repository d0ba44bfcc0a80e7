"""Measure the time and peak memory of RankMatch's correlation term.

    python benchmarks/rank_loss.py --out rank_loss.json

compares `cutmix_features` + `rank_correlation_loss` with a direct
transcription of the definition: both maps resized to the crop, mixed and
resized back, every landmark compared with all earlier ones again, every
ordering gathered from all landmarks.  A step consists of the mixing, the loss
and its gradient.  Both alternate in one process; time is the median, memory
the peak of the step.
"""

import statistics
from functools import partial
from itertools import permutations

import torch
import torch.nn.functional as F

from helpers.measure import make_parser, peak_memory, take_turns, write_report
from mmsemi.models.losses import rank_correlation_loss
from mmsemi.models.utils import cutmix, cutmix_features
from mmsemi.structures import as_pastes


def direct_mixing(own, other, pastes, size):
    """Mix feature maps (B, C, h, w) at the size of the images."""
    own_large, other_large = (
        F.interpolate(feat, size=size, mode='bilinear', align_corners=True)
        for feat in (own, other)
    )
    return F.interpolate(
        cutmix(own_large, other_large, pastes),
        size=own.shape[2:],
        mode='bilinear',
        align_corners=True,
    )


def direct_landmarks(feat, num, start):
    """Select landmarks (B, num) of features (B, C, h, w), image by image."""
    unit = F.normalize(feat.flatten(2), dim=1)
    landmarks = []
    for image, first in zip(unit, start.tolist(), strict=True):
        chosen = [first]
        while len(chosen) < num:
            cosine = (image[:, chosen].T @ image).abs()
            chosen.append(cosine.amax(dim=0).argmin().item())
        landmarks.append(sorted(chosen))
    return torch.tensor(landmarks, device=feat.device)


def direct_loss(weak, strong, start, num=64, top=4):
    """Compute the correlation term of features (B, C, h, w)."""
    landmarks = direct_landmarks(weak, num, start)
    orders = torch.tensor(list(permutations(range(top))), device=weak.device)  # (24, 4)
    prob = []
    for feat in (weak.flatten(2), strong.flatten(2)):
        index = landmarks[:, None].expand(-1, feat.size(1), -1)
        prob.append((feat.mT @ feat.gather(2, index)).softmax(dim=2))
    nearest = prob[0].topk(top, dim=2).indices[:, :, orders]  # (B, hw, 24, 4)
    ranking = []
    for p in prob:
        p = p[:, :, None].expand(-1, -1, len(orders), -1)  # (B, hw, 24, 64)
        p = p.gather(3, nearest)
        product = 1
        for i in range(top):
            product = product * p[..., i] / (p[..., i:].sum(dim=3) + 1e-10)
        ranking.append(product)
    log_strong = (ranking[1] + 1e-10).log()
    return F.kl_div(log_strong, ranking[0], reduction='none').mean()


def step(mixing, loss, own, other, strong, pastes, size, start):
    """Return loss and gradient after mixing; `mixing` or `loss` may be None."""
    weak = own
    if mixing:
        with torch.no_grad():
            weak = mixing(own, other, pastes, size)
    if not loss:
        return weak, weak
    value = loss(weak, strong, start)
    return value.detach(), torch.autograd.grad(value, strong)[0]


def our_loss(weak, strong, start):
    return rank_correlation_loss(weak, strong, start=start)[0]


PARTS = {  # the definition's step and ours
    'mixing': (
        partial(step, direct_mixing, None),
        partial(step, cutmix_features, None),
    ),
    'loss': (partial(step, None, direct_loss), partial(step, None, our_loss)),
    'both': (
        partial(step, direct_mixing, direct_loss),
        partial(step, cutmix_features, our_loss),
    ),
}


def make_inputs(batch, channels, side, crop, device):
    """Make features (weak, partner's, strong), boxes and first landmarks."""
    generator = torch.Generator().manual_seed(0)
    own, other, noise = (
        0.1 * torch.randn(batch, channels, side, side, generator=generator)
        for _ in range(3)
    )
    box = crop // 5, crop // 4, crop // 2, crop * 3 // 4
    start = (37 * torch.arange(batch) + 11) % side**2
    return [
        own.to(device),
        other.to(device),
        (own + noise).to(device).requires_grad_(),
        as_pastes([box] * batch),
        (crop, crop),
        start.to(device),
    ]


def measure(direct, ours, inputs, repeats):
    """Return one row of the table."""
    expected, actual = direct(*inputs), ours(*inputs)
    runs = dict(direct=partial(direct, *inputs), ours=partial(ours, *inputs))
    times = take_turns(runs, repeats)
    direct_s, our_s = (statistics.median(spent) for spent in times.values())
    direct_bytes, our_bytes = (
        peak_memory(run, inputs[0].device.type) for run in runs.values()
    )
    value_error, grad_error = (
        ((a - e).norm() / e.norm()).item()
        for e, a in zip(expected, actual, strict=True)
    )
    return dict(
        direct_ms=1e3 * direct_s,
        our_ms=1e3 * our_s,
        time_ratio=direct_s / our_s,
        direct_mb=direct_bytes / 2**20,
        our_mb=our_bytes / 2**20,
        memory_ratio=direct_bytes / our_bytes,
        value_error=value_error,
        grad_error=grad_error,
    )


def main():
    """Run the command line."""
    parser = make_parser(__doc__, repeats=7)
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument('--batch', type=int, default=2)
    parser.add_argument('--channels', type=int, default=256)
    parser.add_argument(
        '--sizes',
        nargs='+',
        default=['21:321', '51:801'],
        help='feature map side and crop side, as SIDE:CROP',
    )
    args = parser.parse_args()

    rows = []
    print(
        f'{"map":>7} {"crop":>5} {"part":>6}   {"direct":>9} {"ours":>9} '
        f'{"ratio":>7}   {"direct":>10} {"ours":>9} {"ratio":>7}   '
        f'{"value":>7} {"grad":>7}'
    )
    for size in args.sizes:
        side, crop = map(int, size.split(':'))
        inputs = make_inputs(args.batch, args.channels, side, crop, args.device)
        for part, (direct, ours) in PARTS.items():
            row = measure(direct, ours, inputs, args.repeats)
            rows.append(dict(side=side, crop=crop, part=part, **row))
            print(
                f'{side:>3}x{side:<3} {crop:>5} {part:>6}   '
                f'{row["direct_ms"]:>6.1f} ms {row["our_ms"]:>6.2f} ms '
                f'{row["time_ratio"]:>6.1f}x   '
                f'{row["direct_mb"]:>7.1f} MB {row["our_mb"]:>6.2f} MB '
                f'{row["memory_ratio"]:>6.1f}x   '
                f'{row["value_error"]:>7.0e} {row["grad_error"]:>7.0e}'
            )
    write_report(args, rows=rows)


if __name__ == '__main__':
    main()

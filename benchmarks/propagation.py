"""Measure the time of CorrMatch's region masks and label propagation.

    python benchmarks/propagation.py --out propagation.json

compares `region_masks` + `propagate_labels` with a direct transcription of the
definition: every row of the correlation at full resolution, and a visit to
every region.  Both alternate in one process; time is the median.  The share
of confident pixels varies, because only regions that are confident enough
take time.
"""

import statistics
from functools import partial

import torch
import torch.nn.functional as F

from helpers.measure import make_parser, take_turns, write_report
from mmsemi.models.utils import propagate_labels, region_masks

CLASSES = 21


def direct_masks(rows, within):
    """Compute regions (B, K, H, W) of correlation rows (B, K, h, w)."""
    corr = F.interpolate(rows, within.shape[1:], mode='bilinear', align_corners=True)
    corr = corr.flatten(2)
    low = corr.min(dim=2, keepdim=True).values
    span = corr.max(dim=2, keepdim=True).values - low
    masks = (corr - low) / span > 0.5
    return masks.unflatten(2, within.shape[1:]) & within[:, None]


def direct_walk(label, confident, regions, thresh, num_classes):
    """Propagate labels (B, H, W) region by region; return them and the mask."""
    label, keep = label.clone(), confident.clone()
    for image in range(len(label)):
        for region in regions[image]:
            core = region & confident[image]
            ratio = core.sum() / region.sum()
            if core.sum() == 0 or ratio < thresh:
                continue
            classes, votes = label[image][core].unique(return_counts=True)
            if votes.max() / votes.sum() > thresh:
                label[image][region] = classes[votes.argmax()]
                keep[image] |= region
    return label, keep


def make_inputs(batch, num_regions, side, crop, confident, device):
    """Make correlation rows, valid pixels, labels and confident pixels.

    The scenes consist of a few flat objects: positions of one object
    correlate, and 2 % of the labels are wrong.
    """
    generator = torch.Generator().manual_seed(0)
    scene = torch.randn(batch, CLASSES, 5, 5, generator=generator)
    feat = F.interpolate(8 * scene, (side, side), mode='bilinear', align_corners=True)
    feat = feat.softmax(1).flatten(2)
    corr = (8 * feat.mT @ feat).softmax(2)
    index = torch.randint(side**2, (num_regions,), generator=generator)
    rows = corr[:, index].unflatten(2, (side, side))

    shape = (batch, crop, crop)
    label = F.interpolate(
        scene, (crop, crop), mode='bilinear', align_corners=True
    ).argmax(1)
    wrong = torch.rand(shape, generator=generator) < 0.02
    label[wrong] = torch.randint(CLASSES, (int(wrong.sum()),), generator=generator)
    sure = torch.rand(shape, generator=generator) < confident
    within = torch.ones(shape, dtype=torch.bool)
    within[:, crop // 4 : crop // 2, crop // 3 : crop * 2 // 3] = False
    return [t.to(device) for t in (rows, within, label, sure)]


def measure(inputs, thresh, repeats):
    """Check that the results are equal; return one row of the table."""
    rows, within, label, confident = inputs
    ways = dict(
        direct=(direct_masks, direct_walk), our=(region_masks, propagate_labels)
    )
    runs, results = {}, []
    for who, (masks, walk) in ways.items():
        regions = masks(rows, within)
        runs[f'{who}_masks'] = partial(masks, rows, within)
        runs[f'{who}_walk'] = partial(walk, label, confident, regions, thresh, CLASSES)
        results.append((regions, *runs[f'{who}_walk']()))
    if not all(torch.equal(a, b) for a, b in zip(*results, strict=True)):
        raise RuntimeError('The results differ from the definition.')

    size, core = (
        masks.flatten(2).sum(2) for masks in (regions, regions & confident[:, None])
    )
    row = dict(
        region_share=(size.sum() / regions.numel()).item(),
        passed=(core / size >= thresh).float().mean().item(),
    )
    for name, spent in take_turns(runs, repeats).items():
        row[f'{name}_ms'] = 1e3 * statistics.median(spent)
    for who in ways:
        row[f'{who}_ms'] = row[f'{who}_masks_ms'] + row[f'{who}_walk_ms']
    row['ratio'] = row['direct_ms'] / row['our_ms']
    return row


def main():
    """Run the command line."""
    parser = make_parser(__doc__, repeats=5)
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument('--batch', type=int, default=4)
    parser.add_argument('--regions', type=int, default=128)
    parser.add_argument('--side', type=int, default=41)
    parser.add_argument('--crop', type=int, default=321)
    parser.add_argument('--thresh', type=float, default=0.85)
    parser.add_argument(
        '--confident',
        type=float,
        nargs='+',
        default=[0.5, 0.85, 0.95],
        help='shares of confident pixels',
    )
    args = parser.parse_args()

    print(
        f'{"confident":>9} {"region":>7} {"passed":>7}   '
        f'{"direct: masks":>13} {"walk":>9}   {"ours: masks":>11} '
        f'{"walk":>9}   {"ratio":>6}'
    )
    rows = []
    for confident in args.confident:
        inputs = make_inputs(
            args.batch, args.regions, args.side, args.crop, confident, args.device
        )
        thresh = torch.tensor(args.thresh, device=args.device)
        row = measure(inputs, thresh, args.repeats)
        rows.append(dict(confident=confident, **row))
        print(
            f'{confident:>9.2f} {row["region_share"]:>7.1%} '
            f'{row["passed"]:>7.1%}   {row["direct_masks_ms"]:>10.1f} ms '
            f'{row["direct_walk_ms"]:>6.1f} ms   '
            f'{row["our_masks_ms"]:>8.1f} ms {row["our_walk_ms"]:>6.1f} ms '
            f'  {row["ratio"]:>5.1f}x'
        )
    write_report(args, rows=rows)


if __name__ == '__main__':
    main()

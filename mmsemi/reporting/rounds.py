"""Show the rounds of self-training."""

from collections.abc import Sequence
from typing import Any

from .run import Run, duration

BINS = 20


def self_training(runs: Sequence[Run], now: float, key: str) -> list[dict[str, Any]]:
    """Describe the stages of every run of self-training.

    Args:
        runs (Sequence[Run]): The runs; those without stages are left out.
        now (float): Seconds since 1970.
        key (str): The score to show.
    """
    found = []
    for run in runs:
        if not run.stages:
            continue
        stages = []
        for stage in run.stages:
            best, last = stage.best(key), stage.last
            stages.append(
                dict(
                    name=stage.work_dir.name.replace('_', ' '),
                    state=stage.state(now),
                    labeled=stage.labeled_images,
                    right=_percent((stage.label_accuracy or {}).get('accuracy')),
                    best=best.scores.get(key) if best else None,
                    last=last.scores.get(key) if last else None,
                    seconds=stage.seconds,
                    time=duration(stage.seconds) if stage.logs else '–',
                )
            )
        scores = list(run.reliability.values())
        cuts = _cuts(run, len(scores))
        found.append(
            dict(
                name=run.name,
                stages=stages,
                right=_right_by_class(run),
                histogram=_histogram(scores, cuts) if scores else None,
                reliability_note=_note(scores),
            )
        )
    return found


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _right_by_class(run: Run) -> dict[str, Any] | None:
    """Return how many pseudo-labels of every class are right, percent, by round."""
    rounds = [stage.label_accuracy for stage in run.stages if stage.label_accuracy]
    if not rounds:
        return None
    return dict(
        images=max(each['images'] for each in rounds),
        rows={
            name: [_percent(each['classes'].get(name)) for each in rounds]
            for name in rounds[-1]['classes']
        },
    )


def _note(scores: Sequence[float]) -> str:
    if not scores:
        return ''
    middle = sorted(scores)[len(scores) // 2]
    return (
        f'how much the snapshots of the first training agree on an unlabeled image, '
        f'in mean IoU: {len(scores)} images, median {middle:.3f}'
    )


def _cuts(run: Run, count: int) -> list[int]:
    """Return after which ranks one round ends and the next begins."""
    shares = run.config.get('self_training.shares') or ()
    return [int(count * share) for share in shares if 0 < share < 1]


def _histogram(scores: Sequence[float], cuts: Sequence[int]) -> str:
    """Draw a histogram of descending values in [0, 1], with cuts, as SVG."""
    counts = [0] * BINS
    for score in scores:
        counts[min(max(int(score * BINS), 0), BINS - 1)] += 1
    width, height, left, bottom = 640, 180, 40, 24
    each = (width - left - 10) / BINS
    tall = (height - bottom - 12 - 13 * len(cuts)) / max(counts)
    parts = []
    for i, count in enumerate(counts):
        x, h = left + i * each, count * tall
        parts.append(
            f'<rect x="{x + 1:.1f}" y="{height - bottom - h:.1f}" '
            f'width="{each - 2:.1f}" height="{h:.1f}"><title>{i / BINS:.2f} to '
            f'{(i + 1) / BINS:.2f}: {count} images</title></rect>'
        )
    for i in range(0, BINS + 1, 4):
        parts.append(
            f'<text class="tick" x="{left + i * each:.1f}" y="{height - 6}" '
            f'text-anchor="middle">{i / BINS:.1f}</text>'
        )
    for count in (0, max(counts)):
        parts.append(
            f'<text class="tick" x="{left - 6}" text-anchor="end" '
            f'y="{height - bottom - count * tall + 4:.1f}">{count}</text>'
        )
    for i, cut in enumerate(cuts):
        x = left + BINS * each * min(max(scores[cut], 0), 1)
        parts.append(
            f'<line class="cut" x1="{x:.1f}" x2="{x:.1f}" y1="2" '
            f'y2="{height - bottom}"/>'
            f'<text class="tick" x="{x + 5:.1f}" y="{11 + 13 * i}">round {i + 1}: '
            f'{cut} images, above {scores[cut]:.3f}</text>'
        )
    label = f'Histogram of the reliability of {len(scores)} images'
    return (
        f'<svg class="bars" role="img" aria-label="{label}" '
        f'viewBox="0 0 {width} {height}">{"".join(parts)}</svg>'
    )

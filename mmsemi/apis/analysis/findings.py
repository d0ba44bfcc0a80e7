"""Turn the counts of an analysis into numbers and sentences."""

from typing import Any

import numpy as np

from mmsemi.evaluation import Reliability, Thresholds, reliability

from .analyze import Analysis

SHOWN = (0, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.99)
BETTER = 0.01  # difference of separations that is worth a word
RARELY = 0.02  # share of a class's pixels below which pseudo-labels hardly teach it
DEFINITION = (
    'A threshold separates right from wrong pixels by the share of the right ones '
    "that it keeps minus the share of the wrong ones that it keeps (Youden's J)."
)


def summarize(found: Analysis) -> dict[str, Any]:
    """Return all numbers of an analysis, by what they are.

    Shares are in [0, 1]; None where there is nothing to divide by.

    Args:
        found (Analysis): The counts.

    Returns:
        dict: ``images``, ``pixels``, ``mIoU``, ``accuracy``, ``calibration``,
        ``thresholds``, ``classes``, ``confusion``, ``worst`` and ``findings``.
    """
    counts = found.counts
    whole = reliability(counts)
    kept = Thresholds.of(counts.by_true.sum(0))
    classes = [_class(found, i) for i in range(len(found.classes))]
    return dict(
        images=dict(list=found.images, scored=found.scored, skipped=found.skipped),
        pixels=found.pixels,
        mIoU=_known(np.nanmean(found.iou)),
        accuracy=found.accuracy,
        calibration=dict(
            ece=_known(whole.error), overconfidence=_known(whole.excess), **_bins(whole)
        ),
        thresholds=dict(
            method=found.threshold or None,
            setting=found.setting if found.threshold else None,
            best=kept.best,
            definition=DEFINITION,
            table=[
                dict(threshold=each, **_at(kept, each))
                for each in sorted({*SHOWN, found.threshold, kept.best or 0})
            ],
        ),
        classes=classes,
        confusion=counts.confusion.tolist(),
        worst=[score._asdict() for score, _ in found.worst],
        findings=findings(found, kept, whole, classes),
    )


def _bins(found: Reliability) -> dict[str, list]:
    return dict(
        pixels=found.pixels.tolist(),
        confidence_of_bins=[_known(each) for each in found.confidence],
        accuracy_of_bins=[_known(each) for each in found.accuracy],
    )


def _class(found: Analysis, i: int) -> dict[str, Any]:
    """Describe a class.

    Coverage and ``taught`` (kept with the right label) are shares of the pixels that
    truly are of the class, the rest is of those that are predicted as it.
    """
    counts = found.counts
    calibrated = reliability(counts, i)
    true, named = (
        Thresholds.of(each[i]) for each in (counts.by_true, counts.by_predicted)
    )
    at, best = found.threshold, named.best
    pixels = int(counts.confusion[i].sum())
    return dict(
        name=found.classes[i],
        iou=_known(found.iou[i]),
        pixels=pixels,
        ece=_known(calibrated.error),
        overconfidence=_known(calibrated.excess),
        coverage=_value(true.coverage, at),
        accuracy=_value(named.accuracy, at),
        taught=_known(true.right[true.index(at)] / pixels) if pixels else None,
        best_threshold=best,
        best_coverage=None if best is None else _value(true.coverage, best),
        best_accuracy=None if best is None else _value(named.accuracy, best),
    )


def _at(kept: Thresholds, threshold: float) -> dict[str, float | None]:
    """Return what a threshold keeps."""
    place = kept.index(threshold)
    return dict(
        coverage=_known(kept.coverage[place]),
        accuracy=_known(kept.accuracy[place]),
        right_kept=_known(kept.right[place] / max(kept.right[0], 1)),
        wrong_kept=_known(kept.wrong[place] / max(kept.wrong[0], 1)),
        separation=_known(kept.separation[place]),
    )


def _value(curve: np.ndarray, threshold: float) -> float | None:
    return _known(curve[Thresholds.index(threshold)])


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def findings(
    found: Analysis, kept: Thresholds, whole: Reliability, classes: list[dict]
) -> dict[str, str]:
    """Say in sentences what the numbers mean.

    Args:
        found (Analysis): The counts.
        kept (Thresholds): What each threshold keeps of all pixels.
        whole (Reliability): Of all pixels.
        classes (list[dict]): What is known of each class.

    Returns:
        dict[str, str]: ``calibration``, ``threshold``, and ``classes`` if some of
        them hardly teach.
    """
    excess = whole.excess
    sure = 'overconfident' if excess > 0 else 'underconfident'
    said = dict(
        calibration=f'On average the network is {_percent(found.accuracy)} right and '
        f'{_percent(found.accuracy + excess)} sure: {sure} by '
        f'{100 * abs(excess):.1f} points; the expected calibration error is '
        f'{_percent(whole.error)}.',
        threshold=_about_threshold(found, kept),
    )
    silent = [
        each['name']
        for each in classes
        if each['taught'] is not None and each['taught'] < RARELY
    ]
    if found.threshold and silent:
        said['classes'] = (
            f'At {_named(found)} less than {100 * RARELY:.0f} % of the pixels of '
            f'{", ".join(map(repr, silent))} are kept with the right label: '
            f'pseudo-labels hardly teach {"them" if len(silent) > 1 else "it"}.'
        )
    return said


def _about_threshold(found: Analysis, kept: Thresholds) -> str:
    """Say in one sentence where another threshold would be better."""
    best = kept.best
    if best is None:
        every = 'right' if kept.right[0] else 'wrong'
        return f'All pixels are {every}, so that no threshold can separate them.'

    def described(threshold: float) -> str:
        at = _at(kept, threshold)
        return (
            f'{_percent(at["right_kept"])} of the right and '
            f'{_percent(at["wrong_kept"])} of the wrong pixels '
            f'(J = {at["separation"]:.2f}, coverage {_percent(at["coverage"])}, '
            f'accuracy {_percent(at["accuracy"])})'
        )

    if not found.threshold:
        return (
            'The method learns without a threshold; the one that would separate right '
            f'from wrong pixels best is {best:.2f}, which keeps {described(best)}.'
        )
    now = _at(kept, found.threshold)['separation']
    if _at(kept, best)['separation'] - now < BETTER:
        return (
            f'{_named(found)} keeps {described(found.threshold)}, and no other '
            'threshold separates right from wrong pixels noticeably better.'
        )
    return (
        f'{best:.2f} would separate right from wrong pixels better than '
        f'{_named(found)}: it keeps {described(best)} instead of '
        f'{described(found.threshold)}.'
    )


def _named(found: Analysis) -> str:
    name = found.setting.removeprefix('model.').replace('thresh_init', 'the threshold')
    return f'{name} = {found.threshold:.3g}'


def _percent(share: float | None) -> str:
    return '–' if share is None else f'{100 * share:.1f} %'

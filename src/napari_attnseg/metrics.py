"""Overlap metrics of two binary masks, all from one confusion count."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Added to numerator and denominator by the released code of the paper.
PAPER_SMOOTH = 1e-6

METRICS = ("dice", "iou", "precision", "recall", "accuracy")


class Confusion(NamedTuple):
    """Pixel counts: true and false positives, false and true negatives."""

    tp: int
    fp: int
    fn: int
    tn: int


def confusion(
    truth: ArrayLike, mask: ArrayLike, ignored: ArrayLike | None = None
) -> Confusion:
    """Count pixels of two masks of one shape; non-zero is foreground.

    `ignored` has the same shape; pixels where it is not 0 are not counted.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    t, m = np.asarray(truth) != 0, np.asarray(mask) != 0
    if t.shape != m.shape:
        raise ValueError(f"The masks differ in shape: {t.shape} and {m.shape}.")
    if ignored is not None:
        known = np.asarray(ignored) == 0
        t, m = t[known], m[known]
    tp = int(np.count_nonzero(t & m))
    fp = int(np.count_nonzero(m)) - tp
    fn = int(np.count_nonzero(t)) - tp
    return Confusion(tp, fp, fn, t.size - tp - fp - fn)


def scores(counts: Confusion, smooth: float = 0.0) -> dict[str, float]:
    """Every metric of `METRICS`, each in [0, 1].

    Parameters
    ----------
    counts : Confusion
        Counts of one image.
    smooth : float
        With 0, a ratio whose denominator is 0 is NaN; two empty masks agree, so their
        Dice and IoU are 1. `PAPER_SMOOTH` is the convention of the paper's released
        code, where an empty prediction has precision 1e-6 / 1e-6 = 1.
    """
    tp, fp, fn, tn = counts

    def ratio(top: float, bottom: float, empty: float = float("nan")) -> float:
        if smooth:
            return (top + smooth) / (bottom + smooth)
        return top / bottom if bottom else empty

    return {
        "dice": ratio(2 * tp, 2 * tp + fp + fn, 1.0),
        "iou": ratio(tp, tp + fp + fn, 1.0),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "accuracy": ratio(tp + tn, tp + fp + fn + tn),
    }


def class_scores(counts: Confusion) -> dict[str, float]:
    """Metrics of one class in one image, all NaN where it is neither there nor found.

    Elsewhere two empty masks count as 1. Here that would hide a class that is rare and
    never found.
    """
    if counts.tp + counts.fp + counts.fn == 0:
        return dict.fromkeys(METRICS, float("nan"))
    return scores(counts)


def over_classes(values: NDArray[np.float64]) -> float:
    """Mean over classes of each class's mean over images; NaN is left out of both.

    A rare class therefore counts as much as a class in every image.

    Parameters
    ----------
    values : ndarray, shape (images, classes)
        Values of a metric; see `class_scores`.
    """
    defined = np.isfinite(values)
    seen = defined.any(0)
    if not seen.any():
        return float("nan")
    total = np.where(defined, values, 0)[:, seen].sum(0)
    return float((total / defined[:, seen].sum(0)).mean())


def dice(truth: ArrayLike, mask: ArrayLike) -> float:
    """Dice coefficient 2|A ∩ B| / (|A| + |B|) in [0, 1]; 1 for two empty masks."""
    return scores(confusion(truth, mask))["dice"]

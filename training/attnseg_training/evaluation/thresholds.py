"""Dice and IoU over thresholds: how sensitive a result is to the threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.metrics import Confusion, scores
from napari_attnseg.statistics import UNIT, mean_interval

THRESHOLDS = tuple(step / 20 for step in range(1, 20))
NOTE = (
    "A threshold may be chosen on validation images only: the best one of a curve over "
    "test images would be fitted to them."
)


def counts_at(
    truth: NDArray[np.uint8], probability: NDArray[np.floating[Any]]
) -> tuple[Confusion, ...]:
    """Count the pixels of one image (H, W) with the mask at each of `THRESHOLDS`."""
    # In the probability's own precision, as the mask's threshold is applied.
    steps = np.asarray(THRESHOLDS, probability.dtype)
    reached = np.searchsorted(steps, probability.ravel(), side="right")
    n = len(steps) + 1
    which = reached + n * (truth.ravel() > 0)
    outside, inside = np.bincount(which, minlength=2 * n).reshape(2, n)
    # Pixels at and above each threshold; the first column is of those below all.
    fp, tp = (np.cumsum(part[::-1])[::-1][1:] for part in (outside, inside))
    return tuple(
        Confusion(int(t), int(f), int(inside.sum() - t), int(outside.sum() - f))
        for t, f in zip(tp, fp, strict=True)
    )


def threshold_curve(images: Sequence[tuple[Confusion, ...]]) -> dict[str, Any]:
    """Summarise Dice and IoU of all images at each threshold, JSON-ready."""
    at = []
    for threshold, counts in zip(THRESHOLDS, zip(*images, strict=True), strict=True):
        rows = [scores(one) for one in counts]
        means = {
            m: mean_interval([row[m] for row in rows], UNIT) for m in ("dice", "iou")
        }
        at.append({"threshold": threshold, **means})
    return {"note": NOTE, "at": at}

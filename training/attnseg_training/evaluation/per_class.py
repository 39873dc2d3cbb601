"""Metrics of each class, and their mean, for data with several classes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.evaluation.detection import Detection, detect
from napari_attnseg.metrics import (
    METRICS,
    Confusion,
    class_scores,
    confusion,
    over_classes,
)
from napari_attnseg.results import Segmentation
from napari_attnseg.statistics import UNIT, Interval, jackknife_interval, mean_interval


def class_counts(
    truth: NDArray[np.uint8],
    found: Segmentation,
    overlapping: bool,
    ignored: NDArray[np.bool_] | None = None,
) -> tuple[Confusion, ...]:
    """Count the pixels of each class in one image.

    Parameters
    ----------
    truth : ndarray of 0 and 1, shape (classes, H, W)
    found : Segmentation
        Result of that image.
    overlapping : bool
        Whether a pixel may be of several classes. If so, the threshold is applied to
        each class separately; otherwise the mask counts, in which each pixel has the
        most probable class.
    ignored : ndarray of bool, shape (H, W), optional
        Pixels that are not counted.
    """
    planes = _planes(found, overlapping)
    return tuple(confusion(t, p, ignored) for t, p in zip(truth, planes, strict=True))


def class_detection(
    truth: NDArray[np.uint8],
    found: Segmentation,
    overlapping: bool,
    ignored: NDArray[np.bool_] | None = None,
) -> Detection:
    """Count lesions and regions of each class; for parameters see `class_counts`."""
    planes = _planes(found, overlapping)
    if ignored is not None:
        truth, planes = truth * ~ignored, planes * ~ignored
    each = [detect(t, p) for t, p in zip(truth, planes, strict=True)]
    return Detection(*(sum(counts) for counts in zip(*each, strict=True)))


def _planes(found: Segmentation, overlapping: bool) -> NDArray[np.uint8]:
    """Predicted mask of each class, (classes, H, W) of 0 and 1."""
    numbers = np.arange(1, len(found.probability) + 1)
    planes: NDArray[np.bool_] = found.mask == numbers[:, None, None]
    if overlapping:
        planes = found.probability >= found.provenance["threshold"]
    return planes.astype(np.uint8)


def class_means(counts: Sequence[Confusion]) -> dict[str, float]:
    """Average each metric of one image over the classes for which it is defined."""
    rows = [class_scores(one) for one in counts]
    found = {}
    for metric in METRICS:
        defined = [row[metric] for row in rows if np.isfinite(row[metric])]
        found[metric] = float(np.mean(defined)) if defined else float("nan")
    return found


def class_summary(
    names: Sequence[str], images: Sequence[Sequence[Confusion]]
) -> dict[str, Any]:
    """Summarise ``by_class`` and ``mean_over_classes``, JSON-ready.

    The result is empty for a single class.

    Parameters
    ----------
    names : sequence of str
        Names of the classes.
    images : sequence of sequence of Confusion
        Pixel counts per image and class. An image in which a class is neither present
        nor found does not count for that class (`class_scores`). ``present`` says in
        how many images the class is, and ``n`` of each metric over how many images the
        mean is taken.
    """
    if len(names) < 2:
        return {}
    by_class = {}
    for name, counts in zip(names, zip(*images, strict=True), strict=True):
        present = sum(one.tp + one.fn > 0 for one in counts)
        rows = [class_scores(one) for one in counts]
        by_class[name] = {"present": present, **_statistics(rows)}
    return {"by_class": by_class, "mean_over_classes": _over_classes(images)}


def _mean_of(values: NDArray[np.float64], images: NDArray[np.intp]) -> float:
    return over_classes(values[images])


def _over_classes(images: Sequence[Sequence[Confusion]]) -> dict[str, Interval]:
    """Mean over classes of their means; ``sd`` is that of the images' own means."""
    rows = [[class_scores(one) for one in counts] for counts in images]
    of_images = [class_means(counts) for counts in images]
    found = {}
    for metric in METRICS:
        values = np.array([[one[metric] for one in row] for row in rows])
        sd = mean_interval([row[metric] for row in of_images])["sd"]
        mean = jackknife_interval(partial(_mean_of, values), len(values), UNIT)
        found[metric] = {"mean": mean.pop("mean"), "sd": sd, **mean}
    return found


def _statistics(rows: list[dict[str, float]]) -> dict[str, Interval]:
    return {
        metric: mean_interval([row[metric] for row in rows], UNIT) for metric in METRICS
    }

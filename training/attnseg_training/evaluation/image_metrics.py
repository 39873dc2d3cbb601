"""Metrics of one image, and calibration and Dice by lesion size over all images."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from attnseg_training.evaluation.detection import Detection, detect
from attnseg_training.evaluation.thresholds import counts_at
from napari_attnseg.metrics import Confusion, confusion
from napari_attnseg.statistics import (
    UNIT,
    Interval,
    calibration_interval,
    jackknife_interval,
    mean_interval,
)

#: Bins of equal width over the probability.
BINS = 15
#: Half width of the boundary band, and how far outlines may lie apart for the
#: normalised surface Dice: shares of the image's longer side.
BAND, TOLERANCE = 0.02, 0.01
#: Where calibration is measured.
PLACES = ("image", "inside", "boundary")


@dataclass(frozen=True, slots=True, eq=False)
class ImageMetrics:
    """Metrics of one image.

    Attributes
    ----------
    counts : Confusion
        Pixel counts.
    hd95 : float
        95th percentile of the distances between both outlines, in pixels; NaN where
        one mask is empty, or without monai.
    nsd : float
        Normalised surface Dice: share of both outlines that lies within `TOLERANCE`
        pixels of the other outline; NaN in the same cases.
    lesion : float
        Share of the image, ignored pixels left out, that the true mask covers.
    brier : dict of str to float
        Place → mean squared error of the probability.
    bins : ndarray of float, shape (3, BINS, 3)
        For each of `PLACES` and each bin: number of pixels, sum of probabilities, sum
        of truth.
    detection : Detection
        Counts of lesions and of predicted regions.
    curve : tuple of Confusion
        Pixel counts at each of `thresholds.THRESHOLDS`.
    """

    counts: Confusion
    hd95: float
    nsd: float
    lesion: float
    brier: dict[str, float]
    bins: NDArray[np.float64]
    detection: Detection
    curve: tuple[Confusion, ...]


def measure_image(
    truth: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    probability: NDArray[np.floating[Any]],
    ignored: NDArray[np.bool_] | None = None,
) -> ImageMetrics:
    """Compare one image's predicted mask and probability with its true mask.

    All arrays have the shape (H, W); `truth` and `mask` are foreground where they are
    not 0, `probability` is in [0, 1]. Pixels that are `ignored` are never counted. For
    outlines and lesions they are background in both masks.
    """
    known = np.ones(truth.shape, bool) if ignored is None else ~ignored
    if ignored is not None:
        truth, mask = truth * known, mask * known
    side = max(truth.shape)
    tensor = torch.from_numpy((truth > 0).astype(np.float32))[None, None]
    where = bands(tensor, max(1, round(BAND * side)))
    places = {
        "image": known,
        "inside": known & (where["inside"][0, 0].numpy() > 0),
        "boundary": known & (where["boundary"][0, 0].numpy() > 0),
    }
    error = (probability.astype(float) - (truth > 0)) ** 2
    hd95, nsd = surfaces(truth, mask, TOLERANCE * side)
    return ImageMetrics(
        confusion(truth, mask, ignored),
        hd95,
        nsd,
        float((truth[known] > 0).mean()) if known.any() else 0.0,
        {n: float(error[p].mean()) if p.any() else np.nan for n, p in places.items()},
        np.stack([_bins(probability[places[n]], truth[places[n]] > 0) for n in PLACES]),
        detect(truth, mask),
        counts_at(truth[known], probability[known]),
    )


def surfaces(
    truth: NDArray[np.uint8], mask: NDArray[np.uint8], tolerance: float
) -> tuple[float, float]:
    """Compute HD95 and normalised surface Dice, with a tolerance, both in pixels.

    Needs monai; NaN without it, or where a mask is empty.
    """
    if not truth.any() or not mask.any():
        return float("nan"), float("nan")
    try:
        with warnings.catch_warnings():
            # Its own calls use what it has deprecated.
            warnings.simplefilter("ignore", FutureWarning)
            from monai.metrics import (
                compute_hausdorff_distance,
                compute_surface_dice,
            )

            pair = [
                torch.from_numpy((m > 0).astype(np.float32))[None, None]
                for m in (mask, truth)
            ]
            found, true = pair
            distance = compute_hausdorff_distance(
                found, true, include_background=True, percentile=95
            )
            near = compute_surface_dice(
                found, true, class_thresholds=[tolerance], include_background=True
            )
    except ImportError:
        return float("nan"), float("nan")
    return float(distance), float(near)


def _bins(probability: NDArray[Any], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    which = np.clip((probability * BINS).astype(int), 0, BINS - 1)
    sums = [np.ones(len(which)), probability, truth]
    return np.stack(
        [np.bincount(which, weights=s, minlength=BINS) for s in sums], axis=1
    )


def calibration(cases: list[ImageMetrics]) -> dict[str, Any]:
    """Summarise ``ece``, ``brier`` and reliability bins of each place, with intervals.

    The expected calibration error is that of the pixels of all images together; see
    `calibration_interval` for its interval, which is corrected for bias.
    """
    bins = np.stack([case.bins for case in cases])
    found = {}
    for at, place in enumerate(PLACES):
        here = bins[:, at]
        pooled = here.sum(0)
        found[place] = {
            "ece": calibration_interval(here),
            "brier": mean_interval([case.brier[place] for case in cases], UNIT),
            "bins": [
                {"n": int(n), "probability": p / n, "truth": t / n}
                for n, p, t in pooled.tolist()
                if n
            ],
        }
    return found


def worst_decile(values: NDArray[np.float64]) -> Interval:
    """Compute the mean of the lowest tenth (at least one image) and its interval."""
    k = max(1, round(len(values) / 10))
    return jackknife_interval(
        lambda i: float(np.sort(values[i])[:k].mean()), len(values), UNIT
    )


def by_size(
    cases: list[ImageMetrics], dice: NDArray[np.float64]
) -> list[dict[str, Any]]:
    """Compute Dice in thirds of the images by lesion size, smallest lesions first."""
    sizes = np.array([case.lesion for case in cases])
    order = np.argsort(sizes, kind="stable")
    return [
        {
            "lesion_share": [float(sizes[part].min()), float(sizes[part].max())],
            "n": len(part),
            "dice": mean_interval(dice[part], UNIT),
        }
        for part in np.array_split(order, 3)
        if len(part)
    ]


def bands(mask: Tensor, width: int) -> dict[str, Tensor]:
    """Compute inside, boundary band and outside of a lesion: (N, 1, S, S), 0 or 1.

    The band reaches `width` pixels to both sides of the contour.
    """
    side = 2 * width + 1
    grown = F.max_pool2d(mask, side, 1, width)
    shrunk = 1 - F.max_pool2d(1 - mask, side, 1, width)
    return {"inside": shrunk, "boundary": grown - shrunk, "outside": 1 - grown}

"""Per-lesion detection: recall, precision and false positives per image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from napari_attnseg.statistics import UNIT, jackknife_interval, mean_interval

#: A found region is a lesion's if their IoU is above this. Above one half no region can
#: match two lesions, so that there is nothing to assign (Kirillov et al. 2019, Panoptic
#: segmentation; one of the criteria of Metrics reloaded, Maier-Hein et al. 2024).
MATCH = 0.5
#: Pixels that touch at a corner belong together.
_NEIGHBOURS = np.ones((3, 3))


class Detection(NamedTuple):
    """Counts of one image: lesions, predicted regions, and matching pairs of both."""

    lesions: int
    regions: int
    matched: int


def detect(truth: NDArray[np.uint8], mask: NDArray[np.uint8]) -> Detection:
    """Match the connected components of two masks (H, W); non-zero is foreground."""
    lesions, n = label(truth, _NEIGHBOURS)
    regions, m = label(mask, _NEIGHBOURS)
    both = (lesions > 0) & (regions > 0)
    pairs, overlap = np.unique(
        np.stack([lesions[both], regions[both]]), axis=1, return_counts=True
    )
    areas = np.bincount(lesions.ravel()), np.bincount(regions.ravel())
    union = areas[0][pairs[0]] + areas[1][pairs[1]] - overlap
    return Detection(n, m, int(np.count_nonzero(overlap > MATCH * union)))


def detection(found: Sequence[Detection]) -> dict[str, Any]:
    """Summarise recall, precision and false positives per image, JSON-ready.

    Recall and precision are computed over the lesions and regions of all images
    together; their intervals leave out whole images. A value is NaN if its denominator
    is 0.
    """
    counts = np.array(found, dtype=float)

    def share(of: int, images: NDArray[np.intp]) -> float:
        total = counts[images].sum(0)
        return float(total[2] / total[of]) if total[of] else float("nan")

    lesions, regions, matched = (int(total) for total in counts.sum(0))
    return {
        "rule": "connected components (8 neighbours) of the true and the found mask "
        f"at the original size; a pair matches if its IoU is above {MATCH:g}; recall "
        "and precision are of all images together",
        "lesions": lesions,
        "regions": regions,
        "matched": matched,
        "recall": jackknife_interval(lambda i: share(0, i), len(counts), UNIT),
        "precision": jackknife_interval(lambda i: share(1, i), len(counts), UNIT),
        "false_positives_per_image": mean_interval(
            counts[:, 1] - counts[:, 2], (0, np.inf)
        ),
    }

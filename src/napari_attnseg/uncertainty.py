"""Doubt: predictive entropy per pixel and per case.

It is not a measured error: a model can be wrong and certain. How well it predicts a bad
mask has to be measured for each model, on images with a known mask.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.boxes import Box
from napari_attnseg.distances import near

#: What the number of a case is, wherever it is shown.
DOUBT_MEANING = (
    "mean binary entropy of the probability over the mask and a band around it, in "
    "bits: 0 is decided, 1 is undecided; not a measured error"
)
#: Width of the band on either side of an outline, as a share of the frame's diagonal.
BAND = 0.01


def binary_entropy(
    probability: NDArray[np.floating[Any]],
) -> NDArray[np.float32]:
    """Compute ``-p·log2(p) - (1 - p)·log2(1 - p)``, in bits, for any shape."""
    # Half precision, in which stacks are kept, has no 1e-7.
    p = np.clip(probability.astype(np.float32, copy=False), 1e-7, 1 - 1e-7)
    return -(p * np.log2(p) + (1 - p) * np.log2(1 - p))


def band_width(shape: tuple[int, ...]) -> int:
    """Width in pixels, at least 2, of the band on either side of an outline."""
    return max(2, round(BAND * math.hypot(*shape[-2:])))


def case_doubt(
    probability: NDArray[np.floating[Any]],
    mask: NDArray[np.generic],
    box: Box | None = None,
) -> float:
    """One number per case: see `DOUBT_MEANING`.

    Parameters
    ----------
    probability : ndarray, shape (classes, H, W) or (H, W), in [0, 1]
        Probability; of several classes, the most probable one counts at each pixel.
    mask : ndarray, shape (H, W)
        Non-zero is foreground.
    box : Box, optional
        The part of the image that was segmented; nothing else counts.

    Returns
    -------
    float
        Uncertainty in [0, 1]; NaN if the mask is empty.
    """
    inside = np.asarray(mask) != 0
    if box is not None:
        probability, inside = box.crop(probability), box.crop(inside)
    if not inside.any():
        return float("nan")
    best = probability
    if best.ndim == 3:
        best = best[0] if len(best) == 1 else best.max(0)
    region = near(inside, band_width(inside.shape))
    return float(binary_entropy(best[region]).mean())

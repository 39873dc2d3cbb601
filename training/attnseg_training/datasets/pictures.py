"""Tell pictures from masks and from maps of probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, maximum_filter, minimum_filter, uniform_filter

#: Both ends of the range, as a share of it; a picture has more than this share of its
#: pixels between them.
END, BETWEEN = 0.1, 0.55
#: Longest side on which texture is measured: an image that was enlarged has less.
SIDE = 128
#: Median difference, as a share of the range, of a pixel of a picture and the mean
#: around it. Maps that were enlarged from 14 × 14 have less.
TEXTURE = 0.0035
#: Of 0 to 255: that difference in a photo among masks of colours, which are flat; what
#: is darker than this is its surround; the rest has more than this share of the pixels.
COLOUR_TEXTURE, DARK, LIT = 0.4, 12, 0.4
#: Rounding makes such a difference, as a share of one step.
ROUNDED = 0.6
#: A blurred mask has no larger difference of neighbours and no more texture, as shares
#: of its range, and low numbers along so much of its border.
STEEP, SMOOTH, OUTSIDE = 0.2, 0.01, 0.75
#: Nor has it a larger share of what is in between in squares of that side that differ
#: by less than this share of its range: regions of one level.
FLAT, SQUARE, LEVEL = 0.15, 5, 0.02
#: Larger share of pixels that are as their neighbour: regions were drawn.
DRAWN = 0.5


def is_colour_picture(rgb: NDArray[np.float64]) -> bool:
    """Whether colours (H, W, 3) in 0 to 255 are those of a photo, perhaps painted on.

    A photo may have only a few distinct colours if most of it is a dark surround.
    """
    grey = rgb.mean(-1)
    lit = rgb.max(-1) > DARK
    if np.count_nonzero(lit) <= LIT * grey.size:
        return False
    same = (grey[:, 1:] == grey[:, :-1]) & lit[:, 1:]
    if np.count_nonzero(same) > DRAWN * np.count_nonzero(lit):
        return False
    inner = binary_erosion(_reduced(rgb.max(-1)) > DARK, np.ones((3, 3)))
    uneven = _uneven(_reduced(grey))[inner]
    return bool(uneven.size and np.median(uneven) > COLOUR_TEXTURE)


def is_picture(grey: NDArray[Any]) -> bool:
    """Whether greys (H, W) are those of a photo: mostly medium greys, and uneven.

    Maps of probabilities are smooth, or consist mostly of background. Negative numbers
    do not count as greys.
    """
    low, high = float(grey.min()), float(grey.max())
    if low < 0 or high <= low or min(grey.shape) < 3:
        return False
    between = _between(grey, low, high)
    if np.count_nonzero(between) <= BETWEEN * grey.size:
        return False
    same = (grey[:, 1:] == grey[:, :-1]) & between[:, 1:]
    if np.count_nonzero(same) > DRAWN * np.count_nonzero(between):
        return False
    coarse = _reduced(grey.astype(np.float64))
    step = 0.0 if grey.dtype.kind == "f" else 1.0
    least = max(TEXTURE * np.ptp(coarse), ROUNDED * step)
    inner = _uneven(coarse)[_between(coarse, float(coarse.min()), float(coarse.max()))]
    return bool(inner.size and np.median(inner) > least)


def is_soft(values: NDArray[Any]) -> bool:
    """Whether numbers (H, W) rise slowly from a low border, as in a blurred mask.

    A picture has texture, and a region that was drawn has an edge.
    """
    numbers = values.astype(np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    if low < 0 or high <= low or min(values.shape) < 3:
        return False
    steep = STEEP * (high - low)
    if any(np.abs(np.diff(numbers, axis=axis)).max() > steep for axis in (0, 1)):
        return False
    border = np.concatenate([numbers[[0, -1]].ravel(), numbers[:, [0, -1]].ravel()])
    if np.mean(border < (low + high) / 2) < OUTSIDE:
        return False
    step = 0.0 if values.dtype.kind == "f" else 1.0
    between = _between(numbers, low, high)
    spread = maximum_filter(numbers, SQUARE) - minimum_filter(numbers, SQUARE)
    flat = np.count_nonzero(between & (spread < LEVEL * (high - low)))
    if flat > FLAT * np.count_nonzero(between):
        return False
    uneven = np.median(_uneven(numbers)[between])
    return bool(uneven <= max(SMOOTH * (high - low), ROUNDED * step))


def _between(values: NDArray[Any], low: float, high: float) -> NDArray[np.bool_]:
    end = END * (high - low)
    inner: NDArray[np.bool_] = (values > low + end) & (values < high - end)
    return inner


def _uneven(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Difference of each value and the mean of the eight around it."""
    return np.asarray(np.abs(values - uniform_filter(values, 3)) * (9 / 8))


def _reduced(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of squares, so that the longest side is at most `SIDE`."""
    k = -(-max(values.shape) // SIDE)
    if k == 1 or min(values.shape) < 3 * k:
        return values
    rows, columns = values.shape[0] // k, values.shape[1] // k
    squares = values[: rows * k, : columns * k].reshape(rows, k, columns, k)
    return np.asarray(squares.mean((1, 3)))

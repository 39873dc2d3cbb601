"""Recognise masks that were painted with a translucent brush, stroke over stroke.

Each stroke covers the same share of what was not white yet, so that overlapping strokes
of 40 % leave areas of 102, 163, 200 and so on, of 255.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

WHITE = 255
#: Most strokes that lie over each other; differences, of 255, of what they leave.
STROKES, CLOSE = 12, 2
#: Share of all level areas that are those of strokes, and of that of each level.
LEVEL, EACH = 0.8, 0.03
#: Pixels of each level at least.
FEW = 20
#: Opacities of a brush, in levels of 255: what a denser one leaves is above half.
FAINT, DENSE = 25, 140


def brush_levels(numbers: NDArray[Any]) -> tuple[int, ...]:
    """Levels of strokes in a mask; empty if it has fewer than two.

    In contrast, soft edges are not level, drawings of several people that were added up
    have equal steps, and the inside of probabilities has no few levels.

    Parameters
    ----------
    numbers : ndarray of int, shape (H, W)
        From 0 to 255.
    """
    spread = maximum_filter(numbers, 3).astype(int) - minimum_filter(numbers, 3)
    level = numbers[(spread <= 1) & (numbers > 0)].astype(int)
    counts = np.bincount(level, minlength=WHITE + 1)
    near = np.convolve(counts, np.ones(2 * CLOSE + 1), "same")
    least = max(EACH * level.size, FEW)
    for first in np.flatnonzero((near >= least) & (counts == _most(counts))):
        if not FAINT <= first <= DENSE:
            continue
        rest = (1 - first / WHITE) ** np.arange(1, STROKES + 1)
        strokes = np.unique((WHITE * (1 - rest)).round().astype(int))
        on = np.abs(level[:, None] - strokes).min(1) <= CLOSE
        found = strokes[near[strokes] >= least]
        # Close to white, strokes are too alike to tell anything.
        told = found[found <= strokes[1:3].max()]
        if len(told) > 1 and np.count_nonzero(on) >= LEVEL * level.size:
            return tuple(int(value) for value in told)
    return ()


def _most(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Largest count within `CLOSE` of each level."""
    most: NDArray[np.int64] = maximum_filter(counts, 2 * CLOSE + 1)
    return most

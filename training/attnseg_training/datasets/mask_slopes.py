"""Recognise masks of slopes: maps of distances, drawn spots, gradient fills."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.drawn_colours import SAME

Plane = NDArray[np.bool_]
#: Of the pixels above `FOOT` of the largest number, more than `INSIDE` are above `TOP`
#: of it where lesions have an inside; of a cone 0.01 are, of a ridge 0.11.
FOOT, TOP, INSIDE = 0.1, 0.9, 0.15
#: Between the first two shares of it a slope is at least so steep, of that between the
#: other two, where it begins at an edge, as a cone does. Blurred edges fade out there:
#: half as steep.
LOW, MIDDLE, STEEP = (0.05, 0.15), (0.4, 0.6), 0.7
#: Soft edges leave so large a share of it in the lesion, or more.
WHOLE = 0.8
#: Beside several colours, those between them have at most so many pixels, of lesions.
BETWEEN = 0.5


def is_sloped(numbers: NDArray[Any], lesion: Plane) -> bool:
    """Whether numbers rise from the edges of lesions to their middle.

    They do not if nearly all that is above background was read as lesion, whatever
    levels it has, as those of a fill and a darker outline.

    In contrast, lesions with soft edges have about the largest number inside, or fade
    out.

    Parameters
    ----------
    numbers : ndarray, shape (H, W)
        Numbers of a mask.
    lesion : ndarray of bool, shape (H, W)
        What was read as lesion.
    """
    top = float(numbers.max())
    support = np.count_nonzero(numbers > FOOT * top)
    if np.count_nonzero(lesion) >= WHOLE * support:
        return False
    inside = np.count_nonzero(numbers >= TOP * top)
    if top <= 0 or inside > INSIDE * support or min(numbers.shape) < 2:
        return False
    levels = numbers / top
    steep = np.hypot(*np.gradient(levels))
    low, middle = (
        steep[(levels > least) & (levels < most)] for least, most in (LOW, MIDDLE)
    )
    if low.size == 0 or middle.size == 0:
        return True
    return bool(np.median(low) >= STEEP * np.median(middle))


def are_slopes(
    away: NDArray[Any],
    nearest: NDArray[Any],
    lesion: Plane,
    hidden: Plane,
    colours: int,
) -> bool:
    """Whether colours of lesions, or the pixels between them, form slopes.

    Parameters
    ----------
    away, nearest : ndarray, shape (H, W)
        Distances to the background and to the nearest colour of lesions.
    lesion, hidden : ndarray of bool, shape (H, W)
    colours : int
    """
    if not lesion.any():
        return False
    if colours == 1:
        return is_sloped(np.where(hidden, 0, away), lesion)
    between = (away > 2 * SAME) & (nearest > 2 * SAME) & ~hidden
    return bool(np.count_nonzero(between) > BETWEEN * np.count_nonzero(lesion))

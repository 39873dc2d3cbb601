"""Find masks that were drawn with the coordinates of a smaller preview."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

#: Least number of masks, and the share of height and width before which all end.
MASKS, ENDS = 20, 0.51
#: The first ones begin within this share of the upper and of the left edge.
BEGINS = 0.1

#: First and last rows and columns of a lesion, as shares of height and width.
Extent = tuple[float, float, float, float]


def extent_of(lesion: NDArray[np.bool_]) -> Extent | None:
    """First and last rows and columns of a lesion (H, W); None without a lesion."""
    rows, columns = np.flatnonzero(lesion.any(1)), np.flatnonzero(lesion.any(0))
    if len(rows) == 0:
        return None
    height, width = lesion.shape
    top, bottom = int(rows[0]) / height, int(rows[-1] + 1) / height
    return top, bottom, int(columns[0]) / width, int(columns[-1] + 1) / width


def drawn_small(extents: Mapping[str, Extent]) -> tuple[str, ...]:
    """Names of all masks if they fill the upper left quarter only; else empty."""
    if len(extents) < MASKS:
        return ()
    top, bottom, left, right = np.array(list(extents.values())).T
    inside = max(bottom.max(), right.max()) <= ENDS
    whole = max(top.min(), left.min()) <= BEGINS
    return tuple(extents) if inside and whole else ()

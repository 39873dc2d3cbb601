"""Recognise masks whose numbers exceeded their range and wrapped around."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    binary_fill_holes,
    distance_transform_edt,
    label,
    minimum,
)

Plane = NDArray[np.bool_]

#: Least number of holes; and the largest distance of most of them from the edge, in
#: pixels or as a share of the largest distance from it.
HOLES, RIM, SHARE = 10, 3.0, 0.15


def is_wrapped(lesion: Plane) -> bool:
    """Whether a lesion of soft numbers has many holes directly inside its edge.

    Bicubic resizing exceeds 255 there, and programs that store such numbers with 8 bits
    without a limit begin again at 0.

    Parameters
    ----------
    lesion : ndarray of bool, shape (H, W)
        Pixels whose number is above half of the largest.
    """
    rows, columns = np.flatnonzero(lesion.any(1)), np.flatnonzero(lesion.any(0))
    if len(rows) == 0:
        return False
    box = lesion[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    whole = binary_fill_holes(box)
    holes, count = label(whole & ~box)
    if count < HOLES:
        return False
    inside = distance_transform_edt(np.pad(whole, 1))[1:-1, 1:-1]
    depths = minimum(inside, holes, np.arange(1, count + 1))
    return bool(np.median(depths) <= max(RIM, SHARE * inside.max()))

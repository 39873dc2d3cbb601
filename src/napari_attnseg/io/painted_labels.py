"""Find labels that somebody has painted into a mask of 0 and 255."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Numbers from here on are greys.
_GREYS = 25
#: A painted region among soft edges has a square of so many rows and columns. The foot
#: of a soft edge is narrower, also after enlarging by 8, and so is the noise of JPEG.
_WIDE = 17


def painted_labels(values: NDArray[Any], found: NDArray[Any]) -> list[int]:
    """Numbers below 25 that are painted labels, and no soft edges or noise.

    Where there are at most three of them and otherwise only 0 and one larger number,
    nothing is soft, and all are labels. Else those with a wide region are.

    Parameters
    ----------
    values : ndarray of integer, shape (H, W) or (N, H, W)
    found : ndarray of integer
        All numbers in it, sorted.
    """
    small = found[:-1][(found[:-1] > 0) & (found[:-1] < _GREYS)]
    if len(small) == 0:
        return []
    if len(small) == np.count_nonzero(found[:-1]) <= 3:
        return [int(one) for one in small]
    from scipy import ndimage

    window = (1,) * (values.ndim - 2) + (_WIDE, _WIDE)
    low = ndimage.minimum_filter(values, window, mode="nearest")
    high = ndimage.maximum_filter(values, window, mode="nearest")
    wide = np.unique(values[(low == high) & (low > 0) & (low < _GREYS)])
    return [int(one) for one in wide if one in small]

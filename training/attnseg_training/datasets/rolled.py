"""Recognise masks that were moved round: what left one edge came in at the opposite."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Least number of pixels at which lesion lies at both of two opposite edges, and least
#: share of them among the pixels where it lies at either.
PIXELS, SAME = 8, 0.8


def is_rolled(pieces: NDArray[np.int32]) -> bool:
    """Whether pieces at opposite edges would continue each other.

    `numpy.roll` and `numpy.fft.fftshift` leave such pieces of a lesion that they cut. A
    layer from edge to edge is one piece, and does not count.

    Parameters
    ----------
    pieces : ndarray of int, shape (H, W)
        Number of the piece that each pixel belongs to; 0 is background.
    """
    for first, last in ((pieces[0], pieces[-1]), (pieces[:, 0], pieces[:, -1])):
        both = (first > 0) & (last > 0) & (first != last)
        same, either = np.count_nonzero(both), np.count_nonzero(first | last)
        if same >= PIXELS and same >= SAME * either:
            return True
    return False

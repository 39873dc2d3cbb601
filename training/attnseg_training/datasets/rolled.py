"""Recognise masks that were moved round: what left one edge came back at the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Lesion at opposite edges is at the same so many pixels, and of those where it is at
#: either, at this share.
PIXELS, SAME = 8, 0.8


def is_rolled(pieces: NDArray[np.int32]) -> bool:
    """Whether pieces at opposite edges would go on in each other.

    `numpy.roll` and `numpy.fft.fftshift` leave that of a lesion that they cut. A layer
    that reaches from edge to edge is one piece, and does not count.

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

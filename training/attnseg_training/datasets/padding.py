"""Recognise masks with a strip along an edge that was filled with white."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: In the line of pixels after a strip, no more than this share is lesion.
AFTER = 0.75


def is_padded(lesion: NDArray[np.bool_]) -> bool:
    """Whether lesion fills a strip along a whole edge, up to a straight line.

    A lesion that reaches over a whole edge ends in a curve.

    Parameters
    ----------
    lesion : ndarray of bool, shape (H, W)
    """
    for lines in (lesion, lesion[::-1], lesion.T, lesion.T[::-1]):
        if not lines[0].all():
            continue
        full = lines.all(1)
        depth = int(full.argmin())  # 0 where all lines are full
        if depth and lines[depth].mean() <= AFTER:
            return True
    return False

"""Recognise thin white lines along edges of masks, which are not inverted by them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.inverted import is_inverted

#: Lines along an edge are at most so many.
LINES = 4


def has_white_edge(lesion: NDArray[np.bool_]) -> bool:
    """Whether a mask (H, W) looks inverted only by full lines along its edges.

    The last row and column are such lines where masks were resized or padded by one
    pixel too many.
    """
    inside = lesion
    for _ in range(4):  # each edge in turn
        full = np.asarray(inside.all(1))
        depth = int(full.argmin()) if not full.all() else len(full)
        if depth > LINES:
            return False
        inside = np.rot90(inside[depth:])
    return inside.size < lesion.size and not is_inverted(inside)

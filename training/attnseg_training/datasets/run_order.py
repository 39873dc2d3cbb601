"""Recognise masks whose run lengths (RLE) were decoded in the wrong order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.bool_]

#: Stripes have at least so many times more edges across them than along them.
STRIPES = 2.5
#: In the right order, at most this share of the edges is left.
LEFT = 0.5
#: Least number of edges, in pixels.
FEW = 100


def is_out_of_order(lesion: Plane) -> bool:
    """Whether a mask of stripes becomes whole if columns are read for rows, or back.

    COCO and Kaggle number pixels column by column, most programs row by row. Runs that
    were decoded in the other order become stripes across the whole image. A square mask
    becomes its mirror image instead, which cannot be recognised.

    Parameters
    ----------
    lesion : ndarray of bool, shape (H, W)
    """
    down, across = _ends(lesion)
    if max(down, across) < max(STRIPES * min(down, across), FEW):
        return False
    rows, columns = lesion.shape
    if down > across:
        again = lesion.reshape(columns, rows).T
    else:
        again = lesion.T.reshape(rows, columns)
    return sum(_ends(again)) <= LEFT * (down + across)


def _ends(lesion: Plane) -> tuple[int, int]:
    """Number of edges of a lesion from row to row, and from column to column."""
    down = int(np.count_nonzero(lesion[1:] != lesion[:-1]))
    return down, int(np.count_nonzero(lesion[:, 1:] != lesion[:, :-1]))

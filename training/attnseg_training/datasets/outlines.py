"""Telling masks of which only outlines are drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, label

#: A line is at most twice so many pixels thick.
LINE = 2


def is_outlined(lesion: NDArray[np.bool_]) -> bool:
    """Whether most of a lesion are closed rings around a larger inside.

    Vessels and membranes enclose many small areas, and are none. A ring that is no
    thin line, such as a muscle around a cavity, has to be half of its inside at most.

    Parameters
    ----------
    lesion : ndarray of bool, shape (H, W)
    """
    rows, columns = np.flatnonzero(lesion.any(1)), np.flatnonzero(lesion.any(0))
    if len(rows) == 0:
        return False
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    inner = np.pad(lesion[box], 1)
    holes, count = label(~inner)  # 4-neighbours: a thin outline is closed for them
    if count < 2:
        return False
    pieces, _ = label(inner, np.ones((3, 3)))
    areas = np.bincount(pieces.ravel())
    sizes = np.bincount(holes.ravel())
    first = np.zeros(count + 1, np.int64)
    first[holes.ravel()[::-1]] = np.arange(inner.size)[::-1]
    largest = np.zeros_like(areas)
    outside = holes[0, 0]
    for hole in range(1, count + 1):
        if hole != outside:
            # Above the first pixel of a hole is what encloses it.
            around = pieces.ravel()[first[hole] - inner.shape[1]]
            largest[around] = max(largest[around], sizes[hole])
    thick = binary_erosion(inner, np.ones((2 * LINE + 1, 2 * LINE + 1)))
    least = np.where(np.bincount(pieces[thick], minlength=len(areas)), 2 * areas, areas)
    rings = areas[1:][largest[1:] >= least[1:]].sum()
    return bool(2 * rings > areas[1:].sum())

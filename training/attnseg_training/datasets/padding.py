"""Recognise masks with a strip or wedge along an edge that was filled with white."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, label

from attnseg_training.datasets.drawn_colours import border_of

#: In the line of pixels after a strip, no more than this share is lesion.
AFTER = 0.75
#: A wedge ends in a line of at least this share of the shorter side, of which no pixel
#: is farther off than this, and which rises by so many pixels.
LENGTH, STRAIGHT, RISE = 0.25, 1.0, 2
#: A frame is at most so many pixels wide.
FRAME = 4


def is_padded(lesion: NDArray[np.bool_]) -> bool:
    """Whether lesion fills a strip along a whole edge, or a wedge with a straight side.

    Wedges remain where an image was turned by a few degrees. In contrast, a real lesion
    at an edge has a curved outline.

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
    return _has_wedge(lesion)


def is_framed(lesion: NDArray[np.bool_]) -> bool:
    """Whether a thin frame of lesion lies along all edges, as of a screenshot."""
    edges = lesion[0], lesion[-1], lesion[:, 0], lesion[:, -1]
    if min(lesion.shape) <= 2 * FRAME + 2 or not all(edge.all() for edge in edges):
        return False
    rings = (border_of(lesion[d:-d, d:-d]) for d in range(1, FRAME + 1))
    return any(ring.mean() <= 1 - AFTER for ring in rings)


def _has_wedge(lesion: NDArray[np.bool_]) -> bool:
    """Whether a piece at an edge ends in one slanted, straight line."""
    pieces, _ = label(lesion, np.ones((3, 3)))
    outer = (pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1])
    for number in np.unique(np.concatenate(outer)):
        if number == 0:
            continue
        piece = pieces == number
        inner = piece & ~binary_erosion(piece, border_value=1)
        places = np.argwhere(inner).astype(np.float64)
        if len(places) < LENGTH * min(lesion.shape):
            continue
        extent = np.ptp(places, axis=0)
        if extent.max() < LENGTH * min(lesion.shape) or extent.min() < RISE:
            continue
        places -= places.mean(0)
        across = np.linalg.eigh(places.T @ places)[1][:, 0]
        if np.abs(places @ across).max() <= STRAIGHT:
            return True
    return False

"""Recognise masks in which background and lesion may be exchanged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.spatial import ConvexHull, QhullError

from attnseg_training.datasets.drawn_colours import border_of

#: Share of a border, or of an image, above which a lesion covers most of it.
MOST = 0.5
#: Share of an image that what is left as background inside a lesion has at least: a
#: lesion has smaller gaps, and a box that is drawn around one has none.
LEFT = 0.01
#: Smaller shares of an image are not looked at as what is left beside straight lines.
#: Both sides of such a line lie apart from their hulls by at most so many pixels along
#: it: what steps of pixels make.
SPECK, STEPS = 1e-3, 1.0


def is_inverted(lesion: NDArray[np.bool_]) -> bool:
    """Whether a mask looks as if it were inverted.

    Normally a lesion lies inside the image, with background around it. In an inverted
    mask, lesion lies around the background. If the mask has a border of another value
    or shows a round field of view, the large lesion inside encloses the background.
    Background that is cut off by straight lines, as where tiles were turned or padded,
    does not count as enclosed.

    Parameters
    ----------
    lesion : ndarray of bool, shape (H, W)
    """
    return _surrounds(lesion) and not _is_cut_off(lesion)


def _surrounds(lesion: NDArray[np.bool_]) -> bool:
    """Whether a lesion covers most of a border, or encloses much background."""
    if border_of(lesion).mean() > MOST:
        return True
    rows, columns = np.flatnonzero(lesion.any(1)), np.flatnonzero(lesion.any(0))
    if len(rows) == 0:
        return False
    box = lesion[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    least = LEFT * lesion.size
    framed = box.size > MOST * lesion.size and border_of(box).mean() > MOST
    if framed and np.count_nonzero(~box) >= least:
        return True
    if np.count_nonzero(lesion) <= MOST * lesion.size:
        return False
    gaps, _ = label(np.pad(~box, 1, constant_values=True))
    sizes = np.bincount(gaps[~np.pad(box, 1)])
    sizes[[0, gaps[0, 0]]] = 0
    return bool(sizes.max() >= least)


def _is_cut_off(lesion: NDArray[np.bool_]) -> bool:
    """Whether all background lies beyond straight lines across the image.

    Then both sides of each of them are convex, and beyond it the image ends: a small
    hole is hardly more than what steps of pixels make.
    """
    pieces, count = label(~lesion)
    at_border = set(np.unique(border_of(pieces)))
    sizes = np.bincount(pieces.ravel())
    beyond = [k for k in range(1, count + 1) if sizes[k] >= SPECK * lesion.size]
    return bool(beyond) and all(
        k in at_border and _is_convex(pieces == k) and _is_convex(pieces != k)
        for k in beyond
    )


def _is_convex(region: NDArray[np.bool_]) -> bool:
    """Whether a region (H, W) is convex, but for the steps of pixels."""
    rows = np.flatnonzero(region.any(1))
    first, last = region[rows].argmax(1), region.shape[1] - region[rows, ::-1].argmax(1)
    corners = np.concatenate(
        [np.stack([rows + y, x], 1) for y in (0, 1) for x in (first, last)]
    )
    try:
        hull = ConvexHull(corners)
    except QhullError:
        return False
    # In the plane Qhull calls the area volume, and the outline area.
    return bool(hull.volume - np.count_nonzero(region) <= STEPS * hull.area / 2)

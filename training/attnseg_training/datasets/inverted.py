"""Recognise masks in which background and lesion may be exchanged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from attnseg_training.datasets.drawn_colours import border_of

#: Share of a border, or of an image, above which a lesion covers most of it.
MOST = 0.5
#: Share of an image that what is left as background inside a lesion has at least: a
#: lesion has smaller gaps, and a box that is drawn around one has none.
LEFT = 0.01


def is_inverted(lesion: NDArray[np.bool_]) -> bool:
    """Whether a mask looks as if it were inverted.

    A lesion lies inside the image, and what lies around it is background. Where a
    border of another value was drawn around the mask, or it shows a round field of
    view, the large lesion inside surrounds what is left as background.

    Parameters
    ----------
    lesion : ndarray of bool, shape (H, W)
    """
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

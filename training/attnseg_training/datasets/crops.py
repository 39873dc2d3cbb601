"""Crop a mask to its lesion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects


def cropped(lesion: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The part of a mask (H, W) between the first and the last lesion of both axes.

    Its size is 0 if there is no lesion.
    """
    found = find_objects(lesion.astype(np.uint8))
    return lesion[found[0]] if found else lesion[:0, :0]

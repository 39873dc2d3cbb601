"""Recognise masks that show what of an image is not black, and no lesion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

#: Of 0 to 255: black is at most this.
BLACK = 12
#: Least share of an image in the mask, and in black. What is not black in an image and
#: its mask have at least so large an overlap, as a share of both together.
LARGE, AROUND, SAME = 0.4, 0.05, 0.9
#: Of the rows and columns, one of so many is looked at.
EVERY = 2


def is_field_of_view(rgb: NDArray[np.uint8], lesion: NDArray[np.bool_]) -> bool:
    """Whether one large piece of a mask (H, W) is all that is not black in its image.

    The image (H, W, 3) may have dark places inside.
    """
    mask = lesion[::EVERY, ::EVERY]
    share = mask.mean()
    if not LARGE <= share <= 1 - AROUND or label(mask)[1] != 1:
        return False
    shown = rgb[::EVERY, ::EVERY].max(-1) > BLACK
    return bool(np.count_nonzero(shown & mask) >= SAME * np.count_nonzero(shown | mask))

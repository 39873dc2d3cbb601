"""Telling images on which their masks are drawn, and masks that are but boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label, maximum_filter, minimum_filter

#: Red, green and blue of what is drawn differ by so much.
VIVID = 150
#: Pixels to both sides of an outline in which a line may be, and beyond it.
NEAR, BEYOND = 3, 12
#: Share of the pixels there that are vivid, and elsewhere.
LINE, ELSEWHERE = 0.1, 0.03
#: Boxes have sides of so many pixels.
SIDE = 4


def is_drawn_on(rgb: NDArray[np.uint8], lesion: NDArray[np.bool_]) -> bool:
    """Whether an image (H, W, 3) shows a vivid line along the outline of its mask.

    A network learns to follow such a line, not to find lesions.
    """
    rows, columns = np.flatnonzero(lesion.any(1)), np.flatnonzero(lesion.any(0))
    if len(rows) == 0:
        return False
    top, left = max(rows[0] - BEYOND, 0), max(columns[0] - BEYOND, 0)
    box = (
        slice(top, rows[-1] + 1 + BEYOND),
        slice(left, columns[-1] + 1 + BEYOND),
    )
    mask, colours = lesion[box], rgb[box]
    vivid = colours.max(-1).astype(np.int16) - colours.min(-1) >= VIVID
    size = 2 * NEAR + 1
    inside, outside = minimum_filter(mask, size), ~maximum_filter(mask, size)
    near = ~inside & ~outside
    return bool(
        near.any()
        and vivid[near].mean() >= LINE
        and all(
            vivid[part].mean() <= ELSEWHERE for part in (inside, outside) if part.any()
        )
    )


def is_boxes(lesion: NDArray[np.bool_]) -> bool:
    """Whether a lesion consists of filled boxes along rows and columns alone."""
    pieces, _ = label(lesion)
    boxes = find_objects(pieces)
    return bool(boxes) and all(
        min(lesion[box].shape) >= SIDE and lesion[box].all() for box in boxes
    )

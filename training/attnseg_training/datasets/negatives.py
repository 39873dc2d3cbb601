"""Find images that are negatives of the others, with black and white exchanged."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

#: Side of the pieces at the corners that are examined, in pixels.
CORNER = 4
#: Of 0 to 255: black is at most this, and white at least 255 minus this.
BLACK = 12
#: So many corners are black, or white.
CORNERS = 2
#: Least number of images, least share of them in each group, and in both together.
LEAST, EACH, BOTH = 8, 0.15, 0.8
#: Mean colours of both groups differ by at most this, once one of them is inverted.
ALIKE = 60.0

#: Level of the corners, and mean red, green and blue.
Corners = tuple[float, float, float, float]


def corners_of(rgb: NDArray[np.uint8]) -> Corners:
    """Corners and mean colour of an image (H, W, 3).

    The first number is 0 if corners are black, 255 if they are white, and between them
    if they are neither or both.
    """
    near, far = slice(None, CORNER), slice(-CORNER, None)
    pieces = (rgb[y, x].reshape(-1, 3) for y in (near, far) for x in (near, far))
    levels = np.array([np.median(piece, axis=0) for piece in pieces])
    black = np.count_nonzero(levels.max(1) <= BLACK) >= CORNERS
    white = np.count_nonzero(levels.min(1) >= 255 - BLACK) >= CORNERS
    red, green, blue = rgb[::8, ::8].mean((0, 1)).tolist()
    return (127.5 if black == white else 255.0 * white), red, green, blue


def negatives(corners: Mapping[str, Corners]) -> tuple[str, ...]:
    """Names of images that are negatives of the others; empty if there are none.

    Some images have black corners and others white ones, and the images are alike once
    the smaller group is inverted.

    Parameters
    ----------
    corners : mapping
        Name of each image → what `corners_of` returns.
    """
    black, white = (
        [name for name, (corner, *_) in corners.items() if corner == level]
        for level in (0, 255)
    )
    total, both = len(corners), len(black) + len(white)
    least = max(EACH * total, 1)
    if total < LEAST or min(len(black), len(white)) < least or both < BOTH * total:
        return ()
    dark, bright = (
        np.mean([corners[name][1:] for name in names], axis=0)
        for names in (black, white)
    )
    if np.abs(dark - (255 - bright)).max() > ALIKE:
        return ()
    return tuple(white if len(white) <= len(black) else black)

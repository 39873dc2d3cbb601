"""Find lesions on strips of one colour that were added to images as padding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Largest difference of pixels of a strip, in levels of 255, because of JPEG.
NOISE = 10
#: Share of the pixels of a line that may differ by more.
OTHER = 0.01
#: Least depth of a strip, as a share of the height or width.
DEEP = 0.02
#: Least share of a lesion on strips that counts.
LESION = 0.02
#: A hint is given for more images than this number, and more than this share.
FEW, IMAGES = 2, 0.05


def lies_on_a_strip(rgb: NDArray[np.uint8], lesion: NDArray[np.bool_]) -> bool:
    """Whether part of a lesion lies on a strip of one colour along an edge.

    Padding an image to a square leaves such strips (black, or grey 114). If its mask
    was stretched instead, the lesion is in another place. An image of one colour has no
    strips.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
    lesion : ndarray of bool, shape (H, W)
    """
    flat = np.zeros(lesion.shape, bool)
    turned = rgb.swapaxes(0, 1)
    for lines, place in (
        (rgb, flat),
        (rgb[::-1], flat[::-1]),
        (turned, flat.T),
        (turned[::-1], flat.T[::-1]),
    ):
        depth = _flat_lines(lines)
        if depth == len(lines):
            return False
        if depth >= DEEP * len(lines):
            place[:depth] = True
    on = np.count_nonzero(lesion & flat) if flat.any() else 0
    return bool(on > LESION * np.count_nonzero(lesion))


def _flat_lines(lines: NDArray[np.uint8]) -> int:
    """Number of lines, from the first on, that have the colour of the first."""
    colour = np.median(lines[0], axis=0)
    for depth, line in enumerate(lines):
        if (np.abs(line - colour).max(-1) > NOISE).mean() > OTHER:
            return depth
    return len(lines)

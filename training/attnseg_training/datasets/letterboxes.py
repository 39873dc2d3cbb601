"""Find lesions on strips of one colour, with which images were padded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Levels of 255 by which pixels of a strip differ, as JPEG lets them.
NOISE = 10
#: Share of the pixels of a line that may differ more.
OTHER = 0.01
#: A strip has at least this share of the height or width.
DEEP = 0.02
#: Share of a lesion that lies on strips.
LESION = 0.02
#: So many images are no slip, and this share.
FEW, IMAGES = 2, 0.05


def lies_on_a_strip(rgb: NDArray[np.uint8], lesion: NDArray[np.bool_]) -> bool:
    """Whether a part of a lesion lies where an image is a flat strip along an edge.

    Images are letterboxed so (black, or grey 114), and a mask that was stretched
    instead has its lesion elsewhere. An image of one colour has no strips.

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
    """Number of first lines that have the colour of the very first."""
    colour = np.median(lines[0], axis=0)
    for depth, line in enumerate(lines):
        if (np.abs(line - colour).max(-1) > NOISE).mean() > OTHER:
            return depth
    return len(lines)

"""Recognise images of which the lower part is missing, as where a transfer broke off.

Decoders fill the rest of such a JPEG with one colour, from the block on where its data
end: below a row of blocks, and in that row to the right.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

#: Largest difference of what was filled, in levels of 255, also once it was saved anew.
NOISE = 3
#: Least depth of what was filled, as a share of the height and in pixels.
DEEP, BLOCK = 0.03, 8
#: Median difference of the picture beside a step.
CLEAR = 10
#: Pixels between the two parts that blocks of colour blur, and rows of a row of blocks.
BLUR, ROW = 2, 16
#: Borders and padding are mostly this dark, or this bright.
DARK, BRIGHT = 24, 245
#: Without a step, more than this share of the images, and more than one, were padded.
MOST = 0.5


def end_of(rgb: NDArray[np.uint8]) -> bool | None:
    """Whether an image ends in an area of one colour that begins with a step.

    None if it does not end in one. An image may have been turned; without a step, only
    the lower edge counts, and only if the upper one is another.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
    """
    if any(_has_step(np.rot90(rgb, turns)) for turns in range(4)):
        return True
    return False if _filled(rgb) and not _depth(rgb[::-1]) else None


def cut_off(ends: Mapping[str, bool], total: int) -> tuple[str, ...]:
    """Names of images that were cut off, of all (name → `end_of`) of `total` images."""
    padded = len(ends) > max(MOST * total, 1)
    return tuple(name for name, step in ends.items() if step or not padded)


def _depth(rgb: NDArray[np.uint8]) -> int:
    """Rows at the lower edge that have one colour; 0 if too few, or all, have it."""
    colour, least = np.median(rgb[-1], axis=0), max(BLOCK, round(DEEP * len(rgb)))
    if np.abs(rgb[-least:] - colour).max() > NOISE:
        return 0
    other = np.abs(rgb[::-1] - colour).max((1, 2)) > NOISE
    return int(np.argmax(other))


def _filled(rgb: NDArray[np.uint8]) -> bool:
    colour = np.median(rgb[-1], axis=0)
    return bool(_depth(rgb) and colour.max() > DARK and colour.min() < BRIGHT)


def _has_step(rgb: NDArray[np.uint8]) -> bool:
    """Whether the one colour also ends the last row of blocks, but no row above it."""
    depth = _depth(rgb) if _filled(rgb) else 0
    top = len(rgb) - depth - BLUR
    if not depth or top < 2 * ROW:
        return False
    colour = np.median(rgb[-1], axis=0)
    far = np.abs(rgb[top - 2 * ROW : top] - colour).max(-1)
    row = (far[-BLOCK + BLUR + 1 :] <= NOISE).all(0)
    end, above = _end(row), _end((far[:ROW] <= NOISE).all(0))
    if not end >= BLOCK > max(above, _end(row[::-1])):
        return False
    # Beside padding, compression leaves fainter traces than a picture.
    return bool(np.median(far[-BLOCK:, :-end]) > CLEAR)


def _end(line: NDArray[np.bool_]) -> int:
    """Number of pixels at the end of a line that are set."""
    return int(np.argmin(line[::-1])) if not line.all() else len(line)

"""Recognise 16-bit numbers whose two bytes were exchanged."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Fewer different upper bytes than this may come from a small range that crosses 256.
UPPER = 12
#: Numbers of up to 14 bits have upper bytes of up to this number. Masks, in which more
#: than this share of neighbours are equal, may hold two numbers in one.
LOWER, PLAIN = 63, 0.5
#: Neighbours of exchanged numbers differ by so many times more than they should.
ROUGHER = 2.0
#: Pages of fewer pixels count as right. Of larger pages than `SIDE` × `SIDE`, the
#: middle is examined.
PIXELS, SIDE = 1000, 2048


def is_swapped(page: NDArray[Any]) -> bool:
    """Whether the numbers of a page are right only with their bytes exchanged.

    Then exchanging the bytes makes neighbouring pixels much more alike, or gives
    numbers of a smaller range, such as 12 bits. Numbers of which only one byte varies
    have the same order either way, and count as right.

    Parameters
    ----------
    page : ndarray, shape (H, W) or (H, W, samples)
        Pixels of any type; pages that are not 16-bit integers count as right.
    """
    if page.dtype.kind not in "ui" or page.dtype.itemsize != 2:
        return False
    if page.size < PIXELS or min(page.shape[:2]) < 2:
        return False
    y, x = (max((length - SIDE) // 2, 0) for length in page.shape[:2])
    middle = page[y : y + SIDE, x : x + SIDE]
    numbers = np.ascontiguousarray(middle.astype(f"{page.dtype.kind}2"))
    whole = numbers.view(np.uint16).ravel()
    if np.count_nonzero(np.bincount(whole >> 8)) < UPPER:
        return False
    lower = np.flatnonzero(np.bincount(whole & 255))
    plain = np.count_nonzero(numbers[1:] == numbers[:-1]) > PLAIN * numbers.size
    if len(lower) > 1 and lower[-1] <= LOWER and not plain:
        return True
    return _roughness(numbers) >= ROUGHER * _roughness(numbers.byteswap()) > 0


def _roughness(numbers: NDArray[Any]) -> float:
    """Mean difference of neighbours, as a share of the standard deviation."""
    values = numbers.astype(np.float32)
    steps = [np.abs(np.diff(values, axis=axis)).mean() for axis in (0, 1)]
    return float(np.mean(steps) / max(float(values.std()), 1e-6))

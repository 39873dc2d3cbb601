"""Recognise numbers that begin above 0, and numbers of unlabelled pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.mask_regions import (
    SPARSE,
    are_numbers,
    is_drawn,
    number_regions,
    would_vanish,
)

Values = NDArray[Any]

#: Largest numbers of 8, 16 and 32 bits, which stand for what is not labelled.
VOID = (255, 2**16 - 1, 2**31 - 1, 2**32 - 1)
#: More levels than this are no map of regions, wherever they lie.
LEVELS = 32


def has_void(found: Values) -> bool:
    """Whether the largest of sorted numbers is in `VOID`, and the others are small.

    The first number is that of the background.
    """
    inner, top = found[1:-1] - found[0], int(found[-1])
    small = 0 < len(inner) <= LEVELS and inner[-1] <= max(SPARSE * len(inner), 10)
    return bool(top in VOID and small)


def begin_above_0(values: Values, found: Values, cut: float) -> bool:
    """Whether numbers that begin above 0 lie as those of regions do.

    Parameters
    ----------
    values : ndarray, shape (H, W)
    found : ndarray
        Numbers in it, sorted; 0 stands for pixels that do not count.
    cut : float
        Threshold above which a number would be lesion.
    """
    low = found[0]
    if found.dtype.kind not in "ui" or low <= 0 or len(found) <= 2:
        return False
    if has_void(found):
        return True
    above, apart = np.where(values > low, values - low, 0), found - low
    if are_numbers(above, apart):
        return True
    if len(apart) > LEVELS:
        return number_regions(above, apart)
    return would_vanish(above, apart, cut - float(low)) or is_drawn(above, apart)

"""Recognise negative numbers of an image that were stored as unsigned 16-bit ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: How many numbers 16 bits have, and the least range of values that wrapped.
NUMBERS, RANGE = 2**16, 15 * 2**12
#: Least share of the pixels, and least number of different values, at either end.
SHARE, VALUES = 0.01, 8
#: Read as signed, the values have no gap around 0 of more than this share of the range.
GAP = 1 / 16
#: Pixels that are counted at the same time.
_STRIP = 2**22


def wrapped_ends(values: NDArray[Any]) -> tuple[float, float] | None:
    """Largest value of the lower end and least of the upper end; None: not wrapped.

    −1 became 65535. So values lie at both ends of 16 bits, with none in more than half
    of the range between, and join if they are read as signed; all the same if DICOM
    adds its intercept to them. White letters, saturated pixels and padding have one
    value only, or a few.

    Parameters
    ----------
    values : ndarray
        Pixels of any type and shape, finite; types of 8 bits count as right.
    """
    if values.dtype.kind not in "uif" or values.dtype.itemsize < 2:
        return None
    low = float(values.min())
    if not RANGE <= float(values.max()) - low < NUMBERS:
        return None
    counts, flat = np.zeros(NUMBERS, np.int64), values.reshape(-1)
    for first in range(0, flat.size, _STRIP):
        part = flat[first : first + _STRIP].astype(np.float64) - low
        counts += np.bincount(part.astype(np.uint16), minlength=NUMBERS)
    found = np.flatnonzero(counts)
    last = int(np.diff(found).argmax()) if len(found) > 1 else 0
    lower, upper = found[: last + 1], found[last + 1 :]
    if min(len(lower), len(upper)) < VALUES or upper[0] - lower[-1] <= NUMBERS / 2:
        return None
    if min(counts[lower].sum(), counts[upper].sum()) < SHARE * flat.size:
        return None
    if NUMBERS - upper[-1] > GAP * (NUMBERS - upper[0] + lower[-1]):
        return None
    return low + int(lower[-1]), low + int(upper[0])

"""Recognise numbers of objects that began again at 0 after 255.

Stored with 8 bits, object 256 becomes 0 and is lost, and object 257 becomes 1. Where
it becomes 255, as all after it, nothing is lost.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

#: Largest number of 8 bits.
LAST = 255
#: Pixels of a piece that counts; fewer are specks of drawing.
PIECE = 5


def is_wrapped_numbers(numbers: NDArray[Any]) -> bool:
    """Whether objects use all of 1 to 255, no larger number, and some of them twice.

    Objects use a number twice if it has two pieces that nothing joins; that of 255
    alone tells nothing.

    Parameters
    ----------
    numbers : ndarray of int, shape (H, W)
        Not negative; 0 is background.
    """
    if numbers.max(initial=0) != LAST or len(np.unique(numbers[numbers > 0])) != LAST:
        return False
    pieces, count = label(numbers > 0, np.ones((3, 3)))
    # Each pair of a piece and a number in it, with its pixels.
    pairs, sizes = np.unique(
        pieces.astype(np.int64) * (LAST + 1) + numbers.astype(np.int64),
        return_counts=True,
    )
    held = pairs[(sizes >= PIECE) & (pairs > LAST)] % (LAST + 1)
    return bool(count > 1 and (np.bincount(held)[:LAST] > 1).any())

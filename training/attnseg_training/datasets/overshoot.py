"""Recognise masks of 0 and 1 that were resized with overshoot (Lanczos, bicubic)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Such numbers lie at most so far below 0 and above 1.
_BEYOND = 0.3
#: At least this share of pixels is no farther than `_NEAR` from 0 or 1.
_FLAT, _NEAR = 0.7, 0.05

OVERSHOOT = (
    "fractions from a little below 0 to a little above 1, as where masks of 0 and 1 "
    "were resized with overshoot (Lanczos, bicubic)"
)
GIVE_HALF = (
    "write threshold = 0.5 into dataset.toml, which counts for all masks, or resize "
    "them without smoothing (nearest neighbour)"
)


def is_overshoot(values: NDArray[Any]) -> bool:
    """Whether fractions (H, W), some below 0, are those of such a mask."""
    if values.dtype.kind != "f" or values.max() <= 0.5:
        return False
    if values.min() < -_BEYOND or values.max() > 1 + _BEYOND:
        return False
    away = np.minimum(np.abs(values), np.abs(values - 1))
    return bool(np.mean(away <= _NEAR) >= _FLAT)

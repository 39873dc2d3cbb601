"""Recognise masks that are the average of the drawings of several people."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from attnseg_training.datasets.overlaid_readers import overlay_of

#: So many people, at least and at most: of two, one drew it or both, as of two classes.
_LEAST, _MOST = 3, 10
#: Pixels of each level at least, and share of level pixels that are on one.
_FEW, _ON = 20, 0.98
#: Largest difference from a level: after rounding, and of 255 after JPEG.
_ROUNDED, _BLURRED = 1.0, 6.0


def people_averaged(values: NDArray[Any], lossy: bool) -> int:
    """Number of people whose drawings were averaged in a mask (H, W); 0 if not so.

    Its levels are 0 and equal steps up to the largest, and each lies in the one below.
    """
    top = float(values.max())
    if values.min() < 0 or not np.isfinite(top) or top <= 0:
        return 0
    if values.dtype.kind in "ui" and top < 4 * _MOST:
        return 0  # a sum, or numbers of classes
    spread = _BLURRED * top / 255
    flat = maximum_filter(values, 3).astype(float) - minimum_filter(values, 3) <= spread
    rounded = 1e-3 * top if values.dtype.kind == "f" else _ROUNDED
    off = spread if lossy else rounded
    for people in range(_LEAST, _MOST + 1):
        steps = np.rint(values * (people / top)).astype(int)
        near = np.abs(values - steps * (top / people)) <= off
        seen = flat if lossy else np.ones_like(flat)
        counts = np.bincount(steps[seen & near], minlength=people + 1)
        if counts.min() >= _FEW and near[seen].mean() >= (_ON if lossy else 1):
            found = overlay_of(steps)
            return people if found is not None and found.as_sum > 0 else 0
    return 0


def averaged_words(
    values: NDArray[Any], people: int, one_class: bool
) -> tuple[str, str]:
    """What such a mask holds, and what to do about it.

    `one_class` tells whether all that is not 0 can be called one class.
    """
    top, most = float(values.max()), people // 2
    cut = round((most + 0.5) * top / people, 3 if top <= 1 else 1)
    came = (
        f"{people} equal steps from 0 to {top:g}, each inside the one below, as where "
        f"the drawings of {people} people were averaged"
    )
    anybody = ', classes = ["lesion"] if what anybody drew is' if one_class else ""
    remedy = (
        f"write into dataset.toml threshold = {cut:.6g} if what more than half of them "
        f"drew is lesion{anybody}, or classes = {{name = value, …}} if each is a class"
    )
    return came, remedy

"""Distance of pixels from a region, and the pixels near a region."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def distances(where: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance from each pixel to the nearest pixel where `where` is false."""
    from scipy import ndimage

    if where.all():
        return np.full(where.shape, np.inf, np.float32)
    nearest = ndimage.distance_transform_edt(
        where, return_distances=False, return_indices=True
    )
    # The distance by hand, in whole numbers: SciPy's own takes longer than the search.
    nearest[0] -= np.arange(where.shape[0], dtype=nearest.dtype)[:, None]
    nearest[1] -= np.arange(where.shape[1], dtype=nearest.dtype)
    nearest *= nearest
    found: NDArray[np.float32] = np.sqrt(nearest.sum(0), dtype=np.float32)
    return found


def near(mask: NDArray[np.bool_], width: float) -> NDArray[np.bool_]:
    """Pixels of a mask (H, W), and those not farther from it than `width`.

    Distances are computed within a box around each object, because those of a whole
    large frame take seconds.
    """
    from scipy import ndimage

    found = np.zeros(mask.shape, bool)
    numbers, _ = ndimage.label(mask, np.ones((3, 3)))
    margin = int(np.ceil(width)) + 1
    for number, own in enumerate(ndimage.find_objects(numbers), 1):
        box = tuple(slice(max(s.start - margin, 0), s.stop + margin) for s in own)
        found[box] |= distances(numbers[box] != number) <= width
    return found

"""Simulate the clicks of a careful user, for training and evaluation. No torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_attnseg.corrections.clicks import Click


def next_click(
    mask: NDArray[Any],
    truth: NDArray[Any],
    class_number: int = 1,
    ignored: NDArray[np.bool_] | None = None,
    rng: np.random.Generator | None = None,
) -> Click | None:
    """Click into the middle of the largest error, as RITM and FocalClick simulate it.

    Parameters
    ----------
    mask : ndarray, shape (H, W)
    truth : ndarray of bool or int, shape (H, W)
        Where the class is.
    class_number : int
        Value of the class in `mask`.
    ignored : ndarray of bool, shape (H, W), optional
        Pixels that count as no error.
    rng : numpy.random.Generator, optional
        Draws any pixel of the region instead of the middle one.

    Returns
    -------
    Click or None
        The pixel of the largest connected error region that is furthest from its edge,
        positive if the region is missing in the mask; None if there is no error.
    """
    own, wanted = mask == class_number, truth > 0
    wrong = own != wanted
    if ignored is not None:
        wrong &= ~ignored
    if not wrong.any():
        return None
    # A missing region and one too many that touch are two.
    regions = [(ndimage.label(wrong & side), side is wanted) for side in (wanted, own)]
    sizes = [np.bincount(labels.ravel(), minlength=2) for (labels, _), _ in regions]
    for size in sizes:
        size[0] = 0
    kind = int(sizes[1].max() > sizes[0].max())
    (labels, _), positive = regions[kind]
    largest = int(sizes[kind].argmax())
    box = ndimage.find_objects(labels, largest)[largest - 1]
    # Padded: the edge of the image is an edge of the region.
    inner = np.pad(labels[box] == largest, 1)
    if rng is None:
        depth = ndimage.distance_transform_edt(inner)
        row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    else:
        row, column = rng.choice(np.argwhere(inner))
    return Click(
        int(box[0].start + row - 1),
        int(box[1].start + column - 1),
        positive,
        class_number,
    )

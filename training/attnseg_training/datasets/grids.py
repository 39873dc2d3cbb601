"""Bring a mask on the grid of its image by the affines of both."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.rules import Rule, RuleError

Affine = NDArray[np.float64]
#: Largest difference of affines, in voxels, because headers are rounded.
TOLERANCE = 0.1


def on_grid(
    values: NDArray[Any],
    affine: Affine,
    shape: tuple[int, int, int],
    image_affine: Affine,
    name: str,
    other: str,
) -> NDArray[Any]:
    """Return the values of a mask on the grid of its image.

    The two grids may differ by flips, turns by 90° and shifts by whole voxels. Pixels
    of the image that the mask does not cover are 0; it has to cover all slices.

    Parameters
    ----------
    values : ndarray, shape (X, Y, Z)
        Mask.
    affine : ndarray, shape (4, 4)
        Maps the index of a voxel of the mask to its position in mm.
    shape : (int, int, int)
        Shape (X, Y, Z) of the image.
    image_affine : ndarray, shape (4, 4)
        The same for the image.
    name, other : str
        Names of mask and image, for messages.

    Raises
    ------
    RuleError
        If the grids differ by more than that, the mask is not 0 where there is no
        image, or it does not cover all slices.
    """
    try:
        # A voxel of the mask → the voxel of the image at the same place.
        between = np.linalg.solve(image_affine, affine)
    except np.linalg.LinAlgError:
        between = np.full((4, 4), np.nan)
    linear, shift = between[:3, :3], between[:3, 3]
    whole, start = np.round(np.nan_to_num(linear)), np.round(np.nan_to_num(shift))
    size = max(*values.shape, 1)
    remedy = "resample the mask to the image"
    # Up to the signs by which DICOM's axes differ from those of NIfTI.
    if values.shape == shape and np.array_equal(np.abs(affine), np.eye(4)):
        remedy = (
            "its affine is the identity, as a new file has it: give it the affine of "
            f"the image if it was drawn on it, or {remedy}"
        )
    flat = values.shape[2] == shape[2] == 1
    exact = (
        np.isfinite(between).all()
        # Over the whole image the rounding of a header must not add up to a voxel.
        and np.abs(linear - whole).max() * size < 0.5
        and np.abs(shift - start).max() <= TOLERANCE
        and (np.abs(whole).sum(0) == 1).all()
        and (np.abs(whole).sum(1) == 1).all()
        and (not flat or (start[2] == 0 and abs(whole[2, 2]) == 1))
    )
    if not exact:
        raise RuleError(
            Rule.GRID,
            f"Expected the mask {name} on the grid of {other} up to flips, turns by "
            "90° and shifts by whole voxels, but their affines say otherwise; "
            f"{remedy}.",
        )
    axes = np.abs(whole).argmax(1)  # of the mask, for each one of the image
    turned = values.transpose(*axes)
    back = whole[np.arange(3), axes] < 0
    turned = np.flip(turned, tuple(np.flatnonzero(back)))
    first = start.astype(int) - back * (np.array(turned.shape) - 1)
    low = np.maximum(first, 0)
    high = np.maximum(np.minimum(first + turned.shape, shape), low)
    inside = turned[tuple(map(slice, low - first, high - first))]
    outside = np.count_nonzero(values) - np.count_nonzero(inside)
    if not inside.size or outside:
        what = f"{outside} of its pixels that are not 0 lie" if outside else "it lies"
        raise RuleError(
            Rule.GRID,
            f"Expected the mask {name} within the image {other}, but by the affines of "
            f"both {what} outside of it; check which mask belongs to which image, or "
            f"{remedy}.",
        )
    if inside.shape[2] < shape[2]:
        raise RuleError(
            Rule.GRID,
            f"Expected a mask of each of the {shape[2]} slices of {other}, but by the "
            f"affines of both {name} covers {inside.shape[2]} of them; resample the "
            "mask to the image.",
        )
    placed = np.zeros(shape, values.dtype)
    placed[tuple(map(slice, low, high))] = inside
    return placed

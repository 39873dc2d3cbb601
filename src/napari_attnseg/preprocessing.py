"""Any image array to RGB in [0, 1], to the network's size, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_attnseg.axes import refusal
from napari_attnseg.errors import InputError


def to_rgb(
    image: ArrayLike, rgb: bool | None = None
) -> tuple[NDArray[np.float32], str]:
    """One 2D image as RGB.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, 1, 3 or 4)
        Grey, RGB or RGBA; bool, integer or float. Alpha is dropped.
    rgb : bool, optional
        Whether the last axis is colour. None: it is if there are three axes and the
        last one is not of length 1.

    Returns
    -------
    ndarray of float32, shape (H, W, 3), in [0, 1]
    str
        How intensities were mapped: uint8 by 255, bool and floats already in [0, 1] as
        they are, everything else linearly from this image's minimum and maximum.

    Raises
    ------
    InputError
        If it is not one such image, is smaller than 2×2, or holds NaN or infinity.
    """
    array = np.asarray(image)
    want = "Expected one grey (H, W), RGB (H, W, 3) or RGBA (H, W, 4) image"
    if array.dtype.kind not in "buif":
        raise InputError(
            f"{want} of numbers, but got values of type {array.dtype}; convert it to "
            "integer or float."
        )
    if array.ndim == 3 and array.shape[-1] == 1 and not rgb:
        array = array[..., 0]
    colour = array.ndim == 3 if rgb is None else rgb
    if array.ndim != (3 if colour else 2) or (colour and array.shape[-1] not in (3, 4)):
        raise InputError(f"{want}, but {refusal(array.shape)}.")
    if min(array.shape[:2]) < 2:
        raise InputError(
            f"{want} of at least 2×2 pixels, but got {array.shape[0]}×{array.shape[1]}."
        )
    colours = array[..., :3] if colour else array[..., None]
    if array.dtype.kind == "f" and not np.isfinite(colours).all():
        bad = int(np.count_nonzero(~np.isfinite(colours)))
        raise InputError(
            f"{want} of finite numbers, but {bad} values are NaN or infinite; replace "
            "them first (for example with numpy.nan_to_num)."
        )
    scaled, note = _unit_range(colours)
    return np.repeat(scaled, 3, axis=2) if not colour else scaled, note


def _unit_range(values: NDArray[np.generic]) -> tuple[NDArray[np.float32], str]:
    if values.dtype == np.uint8:
        return values.astype(np.float32) / np.float32(255), "divided by 255"
    if values.dtype == bool:
        return values.astype(np.float32), "as they are"
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        return values.astype(np.float32), "as they are"
    if high == low:
        return np.zeros(values.shape, np.float32), f"constant image of value {low:g}"
    # In float64: a uint32 or a wide float range would lose its low bits in float32.
    scaled = (values.astype(np.float64) - low) / (high - low)
    return scaled.astype(np.float32), f"linear from {low:g} to {high:g}"

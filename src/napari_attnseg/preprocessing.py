"""Any image array to RGB in [0, 1], to the network's size, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_attnseg.axes import refusal
from napari_attnseg.errors import InputError
from napari_attnseg.intensity import (
    WHOLE_RANGE,
    Intensity,
    IntensityMapping,
    IntensityWarning,
    MappingRule,
    Window,
)

#: Into how many equal parts a range is divided to see where its pixels lie.
BINS = 128
#: A range is narrow where this share of it … Of 880 training images of Kvasir-SEG none
#: needs less than 0.71; divided by four, all need 0.25 at most.
NARROW = 0.3
#: … holds this share of the values.
MOST = 0.99


def to_rgb(
    image: ArrayLike, rgb: bool | None = None, intensity: Intensity = WHOLE_RANGE
) -> tuple[NDArray[np.float32], IntensityMapping]:
    """One 2D image as RGB.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, 1, 3 or 4)
        Grey, RGB or RGBA; bool, integer or float. Alpha is dropped.
    rgb : bool, optional
        Whether the last axis is colour. None: it is if there are three axes and the
        last one is not of length 1.
    intensity : Percentiles or Window
        How values are mapped. A window holds for every type. Percentiles, of all
        channels together, hold where the type does not say what black and white are:
        uint8 is divided by 255, bool and floats already in [0, 1] stay as they are,
        everything else goes linearly from the lower to the upper percentile, of the
        pixels without the border if the rule says so.

    Returns
    -------
    ndarray of float32, shape (H, W, 3), in [0, 1]
    IntensityMapping
        How values were mapped; as `str` it says so in words.

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
    scaled, mapping = _unit_range(colours, intensity)
    return np.repeat(scaled, 3, axis=2) if not colour else scaled, mapping


def _unit_range(
    values: NDArray[Any], intensity: Intensity
) -> tuple[NDArray[np.float32], IntensityMapping]:
    if isinstance(intensity, Window):
        return _stretched(values, MappingRule.WINDOW, intensity.low, intensity.high)
    if values.dtype == np.uint8:
        rule, high = MappingRule.DIVIDED_BY_255, 255.0
        scaled = values.astype(np.float32) / np.float32(255)
        return scaled, IntensityMapping(rule, 0.0, high, 0.0, _warnings(scaled))
    rule = MappingRule.AS_THEY_ARE
    if values.dtype == bool:
        return values.astype(np.float32), IntensityMapping(rule, 0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        scaled = values.astype(np.float32)
        return scaled, IntensityMapping(rule, 0.0, 1.0, 0.0, _warnings(scaled))
    if high == low:
        zeros = np.zeros(values.shape, np.float32)
        return zeros, IntensityMapping(MappingRule.CONSTANT, low, high)
    if intensity.whole:
        return _stretched(values, MappingRule.WHOLE_RANGE, low, high)
    counted, border = values, 0.0
    if intensity.without_border:
        counted = _without_border(values)
        border = (values.size - counted.size) / values.size
    # Pixels of the image, never a value between an outlier and the rest: however small
    # an image is, one outlier at either end is clipped.
    inner_low = float(np.percentile(counted, intensity.low, method="higher"))
    inner_high = float(np.percentile(counted, intensity.high, method="lower"))
    if inner_high <= inner_low:
        # Nearly all pixels are equal: what differs is all that there is to see.
        return _stretched(values, MappingRule.WHOLE_RANGE, low, high)
    found = _stretched(values, MappingRule.PERCENTILES, inner_low, inner_high)
    return found[0], replace(found[1], border=border)


def _without_border(values: NDArray[Any]) -> NDArray[Any]:
    """Pixels (n, C) of an image (H, W, C) that have not the colour of its border.

    That is the colour that more than half of the outermost pixels have exactly, as the
    padding of a CT or the surroundings of a round field of view have. Without such a
    colour: all pixels.
    """
    pixels = values.reshape(-1, values.shape[-1])
    sides = (values[0], values[-1], values[1:-1, 0], values[1:-1, -1])
    outermost = np.concatenate(sides)
    colours, counts = np.unique(outermost, axis=0, return_counts=True)
    if 2 * counts.max() <= len(outermost):
        return pixels
    inner = pixels[(pixels != colours[counts.argmax()]).any(1)]
    return inner if len(inner) else pixels


def _stretched(
    values: NDArray[Any], rule: MappingRule, low: float, high: float
) -> tuple[NDArray[np.float32], IntensityMapping]:
    # In float64: a uint32 or a wide float range would lose its low bits in float32.
    wide = values.astype(np.float64)
    scaled = ((wide - low) / (high - low)).clip(0, 1).astype(np.float32)
    clipped = float(np.mean((wide < low) | (wide > high)))
    return scaled, IntensityMapping(rule, low, high, clipped, _warnings(scaled))


def _warnings(scaled: NDArray[np.float32]) -> tuple[IntensityWarning, ...]:
    """What there is to say of where the values lie in [0, 1].

    The parts of the range that hold most values need not be neighbours: air, padding
    and metal of a CT may be a few far values, with the tissue between them.
    """
    counts, _ = np.histogram(scaled, BINS, (0, 1))
    fullest = np.sort(counts)[::-1].cumsum()
    needed = 1 + int(np.searchsorted(fullest, MOST * scaled.size))
    return (IntensityWarning.NARROW_RANGE,) if needed < NARROW * BINS else ()

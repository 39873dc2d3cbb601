"""Convert any image array to RGB in [0, 1], whole or a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
from napari_attnseg.wrapped_around import wrapped_ends

#: Into how many equal parts a range is divided to see where its pixels lie.
BINS = 128
#: A range is narrow where this share of it … Images of 8 bits that were divided by four
#: have a quarter at most.
NARROW = 0.3
#: … holds this share of the values.
MOST = 0.99
#: Pixels of a large image that are floats at the same time.
STRIP = 1_000_000


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
        How values are mapped. A window is applied to every type. Percentiles are
        applied only if the type does not say what black and white are: uint8 is divided
        by 255, and bool and floats already in [0, 1] stay as they are. All other values
        are mapped linearly, from the lower to the upper percentile of all channels
        together; the border is left out of them if the rule says so.

    Returns
    -------
    ndarray of float32, shape (H, W, 3), in [0, 1]
    IntensityMapping
        How values were mapped; ``str`` of it is a sentence.

    Raises
    ------
    InputError
        If it is not one such image, is smaller than 2×2, holds NaN or infinity, or
        negative numbers that were stored as unsigned.
    """
    prepared = RgbImage(image, rgb, intensity)
    (pixels,) = prepared.strips(prepared.shape[0])
    return pixels, prepared.mapping()


class RgbImage:
    """One 2D image that is converted to RGB in [0, 1] a few rows at a time.

    There is never a float copy of the whole image. Parameters and errors are those of
    `to_rgb`.

    Attributes
    ----------
    shape : (int, int)
        Rows and columns.
    """

    def __init__(
        self,
        image: ArrayLike,
        rgb: bool | None = None,
        intensity: Intensity = WHOLE_RANGE,
    ) -> None:
        self._colours = _colours(image, rgb)
        self.shape = self._colours.shape[0], self._colours.shape[1]
        self._scale = _scale_of(self._colours, intensity)
        self._histogram = np.zeros(BINS, np.int64)
        self._clipped = 0

    def rows(self, first: int, end: int) -> NDArray[np.float32]:
        """Rows from `first` up to, but not including, `end`: (n, W, 3)."""
        return _three(self._scale.apply(self._colours[first:end])[0])

    def strips(self, rows: int | None = None) -> Iterator[NDArray[np.float32]]:
        """Yield all rows in strips, by default of about a million pixels.

        This also counts what `mapping` reports.
        """
        step = rows or max(1, STRIP // self.shape[1])
        self._histogram[:], self._clipped = 0, 0
        for first in range(0, self.shape[0], step):
            part = self._colours[first : first + step]
            scaled, clipped = self._scale.apply(part)
            self._clipped += clipped
            if self._scale.told:
                self._histogram += np.histogram(scaled, BINS, (0, 1))[0]
            yield _three(scaled)

    def mapping(self) -> IntensityMapping:
        """Mapping of the values; complete after all of `strips`.

        Its warning of a narrow range counts parts of the range that need not be
        neighbours: in a CT, air, padding and metal may be a few distant values, with
        the tissue between them.
        """
        scale, size = self._scale, self._colours.size
        clipped = self._clipped / size
        warnings: tuple[IntensityWarning, ...] = ()
        if scale.told:
            fullest = np.argsort(self._histogram)[::-1]
            held = self._histogram[fullest].cumsum()
            needed = 1 + int(np.searchsorted(held, MOST * size))
            # Images of few levels leave the bins between them empty. Two bins do not
            # tell that: a CT has air and tissue.
            if needed > 2:
                needed *= int(np.median(np.diff(np.sort(fullest[:needed]))))
            warnings = (IntensityWarning.NARROW_RANGE,) * (needed < NARROW * BINS)
        low, high = scale.low, scale.high
        return IntensityMapping(scale.rule, low, high, clipped, warnings, scale.border)


@dataclass(frozen=True, slots=True)
class _Scale:
    """Mapping of one image's values to [0, 1]; `told`: warn about a narrow range."""

    rule: MappingRule
    low: float
    high: float
    border: float = 0.0
    told: bool = True

    def apply(self, values: NDArray[Any]) -> tuple[NDArray[np.float32], int]:
        """Values in [0, 1], and how many of them were clipped."""
        if self.rule is MappingRule.CONSTANT:
            return np.zeros(values.shape, np.float32), 0
        if self.rule is MappingRule.AS_THEY_ARE:
            return values.astype(np.float32), 0
        if self.rule is MappingRule.DIVIDED_BY_255:
            divided = values.astype(np.float32)
            divided /= np.float32(255)
            return divided, 0
        # In float64: a uint32 or a wide float range would lose its low bits in float32.
        wide = values.astype(np.float64)
        clipped = int(np.count_nonzero((wide < self.low) | (wide > self.high)))
        wide -= self.low
        wide /= self.high - self.low
        return wide.clip(0, 1, out=wide).astype(np.float32), clipped


def _three(scaled: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.repeat(scaled, 3, axis=2) if scaled.shape[2] == 1 else scaled


def _colours(image: ArrayLike, rgb: bool | None) -> NDArray[Any]:
    """The channels (H, W, 1 or 3) of one image; see `to_rgb`."""
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
    colours: NDArray[Any] = array[..., :3] if colour else array[..., None]
    if array.dtype.kind == "f" and not np.isfinite(colours).all():
        bad = int(np.count_nonzero(~np.isfinite(colours)))
        raise InputError(
            f"{want} of finite numbers, but {bad} values are NaN or infinite; replace "
            "them first (for example with numpy.nan_to_num)."
        )
    if ends := wrapped_ends(colours):
        raise InputError(
            "Expected numbers as they were measured, but those of this image have "
            f"wrapped around: they lie up to {ends[0]:g} and from {ends[1]:g} on, with "
            "none between, as negative numbers stored as unsigned do; save the image "
            "as int16."
        )
    return colours


def _scale_of(values: NDArray[Any], intensity: Intensity) -> _Scale:
    if isinstance(intensity, Window):
        return _Scale(MappingRule.WINDOW, intensity.low, intensity.high)
    if values.dtype == np.uint8:
        return _Scale(MappingRule.DIVIDED_BY_255, 0.0, 255.0)
    if values.dtype == bool:
        return _Scale(MappingRule.AS_THEY_ARE, 0.0, 1.0, told=False)
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        return _Scale(MappingRule.AS_THEY_ARE, 0.0, 1.0)
    if high == low:
        return _Scale(MappingRule.CONSTANT, low, high, told=False)
    if intensity.whole:
        return _Scale(MappingRule.WHOLE_RANGE, low, high)
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
        return _Scale(MappingRule.WHOLE_RANGE, low, high)
    return _Scale(MappingRule.PERCENTILES, inner_low, inner_high, border)


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

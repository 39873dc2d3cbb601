"""Size of a pixel from the placement of an image's layer. No Qt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_attnseg.objects.descriptors import PixelSize

#: Names of units of length, as napari and pint write them → symbol, millimetres.
_LENGTHS = {
    **dict.fromkeys(("mm", "millimeter", "millimetre"), ("mm", 1.0)),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), ("cm", 10.0)),
    **dict.fromkeys(("m", "meter", "metre"), ("m", 1e3)),
    **dict.fromkeys(("µm", "μm", "um", "micrometer", "micron"), ("µm", 1e-3)),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), ("nm", 1e-6)),
}
#: An affine that shears by more is taken for one that does.
_SHEAR = 1e-6


def pixel_size(placement: Mapping[str, Any]) -> PixelSize:
    """Size of a pixel, with a unit if the layer has one of length.

    Parameters
    ----------
    placement : mapping
        As in `io.results.Results`. A sheared image has no size of a pixel, because its
        pixels are not rectangles. An image whose rows and columns have different units
        has none either.
    """
    scale = placement.get("scale")
    if not scale:
        return PixelSize()
    matrix = _linear(placement, len(scale)) @ np.diag(scale)
    down, across = matrix[:, -2], matrix[:, -1]
    height, width = math.hypot(*down), math.hypot(*across)
    if abs(float(down @ across)) > _SHEAR * height * width:
        return PixelSize()
    units = [_LENGTHS.get(str(unit)) for unit in placement.get("units", ())[-2:]]
    if len(units) == 2 and units[0] is not None and units[0] == units[1]:
        return PixelSize(height, width, units[0][0])
    return PixelSize(height, width)


def millimetres(pixel: PixelSize) -> tuple[float, float] | None:
    """Height and width in mm; None if the size of a pixel is not known."""
    if pixel.unit is None or pixel.unit not in _LENGTHS:
        return None
    factor = _LENGTHS[pixel.unit][1]
    return pixel.height * factor, pixel.width * factor


def _linear(placement: Mapping[str, Any], size: int) -> Any:
    """Rotation, shear and affine transform, without scale and position."""
    found = np.eye(size)
    for key in ("affine", "rotate", "shear"):
        values = placement.get(key)
        if values is None:
            continue
        part = np.asarray(values, float)
        if part.ndim == 1 and key == "shear":
            part = _sheared(part, size)
        if part.ndim == 2 and len(part) >= size:
            found = found @ part[:size, :size]
    return found


def _sheared(values: Any, size: int) -> Any:
    """Upper triangle of ones and shear factors, as napari writes them."""
    found = np.eye(size)
    above = np.triu_indices(size, 1)
    if len(values) == len(above[0]):
        found[above] = values
    return found

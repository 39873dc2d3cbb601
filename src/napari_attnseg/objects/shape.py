"""Size and shape of an object, and the distance of pixels from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from napari_attnseg.objects.descriptors import PixelSize

#: Pixels that an object needs for its shape, texture and outline to be measured.
SMALLEST = 16


def size_and_shape(region: Any, pixel: PixelSize, frame: int) -> dict[str, float]:
    """Size and shape of one object, by their names in `DESCRIPTORS`.

    Parameters
    ----------
    region : RegionProperties
        From ``skimage.measure.regionprops`` with the pixel's size as spacing.
    pixel : PixelSize
    frame : int
        Pixels of the whole frame.
    """
    pixels, height, width = len(region.coords), pixel.height, pixel.width
    corners = _hull(region)
    calibrated = pixels * height * width
    return {
        "area": pixels,
        "calibrated area": calibrated,
        "% of frame": 100 * pixels / frame,
        "equivalent diameter": float(np.sqrt(4 * pixels / np.pi)),
        "calibrated equivalent diameter": float(np.sqrt(4 * calibrated / np.pi)),
        "Feret diameter": float(pdist(corners).max()),
        "calibrated Feret diameter": float(pdist(corners * (height, width)).max()),
        "eccentricity": region.eccentricity if pixels >= SMALLEST else np.nan,
        "solidity": region.solidity if pixels >= SMALLEST else np.nan,
    }


def _hull(region: Any) -> NDArray[np.float64]:
    """Corners of the convex hull of the object's pixels, which are squares: (n, 2)."""
    inside = region.image
    rows = np.flatnonzero(inside.any(1))
    first = inside[rows].argmax(1)
    last = inside.shape[1] - inside[rows, ::-1].argmax(1)
    points = np.array(
        [
            (row + below, column)
            for row, ends in zip(rows, zip(first, last, strict=True), strict=True)
            for column in ends
            for below in (0, 1)
        ],
        float,
    )
    corners: NDArray[np.float64] = points[ConvexHull(points).vertices]
    return corners


def distances(where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance from each pixel to the nearest outside `where`; infinite without one."""
    if where.all():
        return np.full(where.shape, np.inf)
    found: NDArray[np.float64] = ndimage.distance_transform_edt(where)
    return found

"""Size and shape of an object."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from napari_attnseg.objects.descriptors import PixelSize

Ints = NDArray[np.integer[Any]]

#: Pixels that an object needs for its shape, texture and outline to be measured.
SMALLEST = 16


def size_and_shape(region: Any, pixel: PixelSize, frame: int) -> dict[str, float]:
    """Size and shape of one object, by their names in `DESCRIPTORS`.

    Parameters
    ----------
    region : RegionProperties
        From ``skimage.measure.regionprops``, with the size of a pixel as spacing. Only
        properties that are fast to compute are used: a large object has millions of
        pixels.
    pixel : PixelSize
    frame : int
        Pixels of the whole frame.
    """
    inside, height, width = region.image, pixel.height, pixel.width
    pixels = int(np.count_nonzero(inside))
    rows, first, last = _ends(inside)
    corners = _hull(rows, first, last)
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
        "solidity": pixels / _convex_area(rows, first, last)
        if pixels >= SMALLEST
        else np.nan,
    }


def centre(inside: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean row and column of the pixels of an object, within its box."""
    sums = (np.count_nonzero(inside, axis=1), np.count_nonzero(inside, axis=0))
    row, column = (np.average(np.arange(len(n)), weights=n) for n in sums)
    return float(row), float(column)


def _ends(inside: NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
    """Rows that hold pixels of the object, and the first and last pixel of each."""
    rows = np.flatnonzero(inside.any(1))
    first = inside[rows].argmax(1)
    return rows, first, inside.shape[1] - 1 - inside[rows, ::-1].argmax(1)


def _hull(rows: Ints, first: Ints, last: Ints) -> NDArray[np.float64]:
    """Corners of the convex hull of the object's pixels, which are squares: (n, 2)."""
    sides = [(rows + below, ends) for below in (0, 1) for ends in (first, last + 1)]
    points = np.concatenate([np.stack(side, 1) for side in sides]).astype(float)
    corners: NDArray[np.float64] = points[ConvexHull(points).vertices]
    return corners


def _convex_area(rows: Ints, first: Ints, last: Ints) -> int:
    """Pixels of the convex hull, as ``skimage.morphology.convex_hull_image`` has them.

    Those whose centre lies in the hull of the middles of all pixels' edges; counted row
    by row, because a look at every pixel of a large object takes seconds.
    """
    offsets = ((-0.5, 0.0), (0.5, 0.0), (0.0, -0.5), (0.0, 0.5))
    sides = [
        (rows + down, ends + right) for down, right in offsets for ends in (first, last)
    ]
    # a · row + b · column + c ≤ 0 holds for all edges inside.
    a, b, c = ConvexHull(np.concatenate([np.stack(s, 1) for s in sides])).equations.T
    every = np.arange(rows[0], rows[-1] + 1)
    limits = np.full((len(a), len(every)), np.nan)
    slanted = np.abs(b) > 1e-9  # the others are level: they bound no row
    limits[slanted] = -(a[slanted, None] * every + c[slanted, None]) / b[slanted, None]
    right = np.floor(limits[slanted & (b > 0)].min(0) + 1e-9)
    left = np.ceil(limits[slanted & (b < 0)].max(0) - 1e-9)
    return int((right - left + 1).sum())

"""Recognise pieces of masks that are filled boxes, turned or not, or ellipses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from attnseg_training.datasets.rules import Rule

Plane = NDArray[np.bool_]

#: Least side, in pixels, of boxes along rows and columns and of turned boxes, and least
#: shorter diameter of an ellipse; smaller pieces are nearly boxes or ellipses anyway.
SIDE, TURNED, DIAMETER = 4, 12, 32
#: Largest mean gap, in pixels, between the outline of a piece and the smallest box
#: around it; steps of pixels and smooth resizing leave such gaps.
GAP = 1.2
#: Largest area of a box, as a share of the square of the mean diameter of the ellipse
#: with the same area moments: 0.75, plus what steps of pixels and round corners add.
BOX = 0.77
#: Largest mean distance of the outlines of a piece and of its ellipse, in pixels and as
#: a share of the diameter; for lesions drawn by hand, this share is 0.007 and more.
OFF, SHARE = 0.5, 0.005


def filled_shape(lesion: Plane) -> Rule | None:
    """Name the shape of a piece (H, W), cut out of its mask: `BOXES` or `ELLIPSES`.

    None for any other shape. Soft edges and JPEG round the corners of boxes a little.
    """
    if lesion.all():
        return Rule.BOXES if min(lesion.shape) >= SIDE else None
    if min(lesion.shape) < TURNED:
        return None
    off, shorter, longer = _ellipse(lesion)
    diameter = float(np.sqrt(shorter * longer))
    if shorter >= DIAMETER and off <= min(OFF, SHARE * diameter):
        return Rule.ELLIPSES
    if np.count_nonzero(lesion) > BOX * diameter**2:
        return None
    gap, side = _around(lesion)
    return Rule.BOXES if side >= TURNED and gap <= GAP and gap < off else None


def _around(piece: Plane) -> tuple[float, float]:
    """Mean gap between a piece and the smallest box around it; the box's short side.

    Both are in pixels.
    """
    rows = np.flatnonzero(piece.any(1))
    first = piece[rows].argmax(1)
    last = piece.shape[1] - 1 - piece[rows, ::-1].argmax(1)
    places = np.concatenate([np.stack([rows, x], 1) for x in (first, last)])
    try:
        hull = places[ConvexHull(places).vertices].astype(np.float64)
    except QhullError:
        return np.inf, 0.0
    # One side of the smallest box lies along the hull.
    sides = np.roll(hull, -1, 0) - hull
    sides /= np.linalg.norm(sides, axis=1, keepdims=True)
    normals = np.stack([-sides[:, 1], sides[:, 0]], 1)
    # Between the middles of pixels; half of one more on each side.
    extents = np.stack([np.ptp(hull @ one.T, axis=0) + 1 for one in (sides, normals)])
    smallest = extents[:, extents.prod(0).argmin()]
    gap = (smallest.prod() - np.count_nonzero(piece)) / (2 * smallest.sum())
    return float(gap), float(smallest.min())


def _ellipse(piece: Plane) -> tuple[float, float, float]:
    """Mean distance of a piece's outline from its ellipse, and the two diameters.

    The ellipse has the same area moments. All are in pixels; the shorter diameter comes
    first.
    """
    counts = piece.astype(np.float32)
    y, x = (np.arange(n, dtype=np.float64) for n in piece.shape)
    by_row, by_column = (counts.sum(k, dtype=np.float64) for k in (1, 0))
    area = by_row.sum()
    y -= by_row @ y / area
    x -= by_column @ x / area
    across = y @ (counts @ x.astype(np.float32)) / area
    # A pixel is a square, not a point.
    rows, columns = by_row @ y**2 / area + 1 / 12, by_column @ x**2 / area + 1 / 12
    moments = np.array([[rows, across], [across, columns]])
    a, b, c = np.linalg.inv(moments)[[0, 0, 1], [0, 1, 1]]
    y, x = y[:, None], x[None]
    inside = a * y * y + 2 * b * y * x + c * x * x <= 4
    shorter, longer = 4 * np.sqrt(np.linalg.eigvalsh(moments))
    # Ramanujan's length of an ellipse.
    length = np.sqrt((3 * longer + shorter) * (longer + 3 * shorter))
    length = np.pi * (3 * (longer + shorter) - length) / 2
    off = np.count_nonzero(inside != piece) / length
    return float(off), float(shorter), float(longer)

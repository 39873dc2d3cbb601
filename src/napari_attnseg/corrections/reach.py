"""Pixels that a click or a scribble covers, and those within its reach. No torch."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.corrections.clicks import Click

#: Radius of the disc around a click that is forced: part of the image's shorter side.
DISC = 1 / 128
#: Clicks that a scribble counts as, per reach of its length.
STATIONS = 4


class Reach(NamedTuple):
    """Semi-axes, in pixels, of the ellipse outside of which a click changes nothing."""

    rows: float
    columns: float


def stations(click: Click, reach: Reach) -> list[Click]:
    """Replace a scribble by clicks along its line; a click stays as it is."""
    if not click.line:
        return [click]
    pixels = line_pixels(click)
    steps = np.hypot(*(np.diff(pixels, axis=0) / reach).T)
    parts = np.floor(np.concatenate([[0.0], np.cumsum(steps)]) * STATIONS)
    at = np.flatnonzero(np.diff(parts, prepend=-1) > 0).tolist()
    return [
        replace(click, row=int(row), column=int(column), line=())
        for row, column in pixels[[*at, -1] if at[-1] != len(pixels) - 1 else at]
    ]


def line_pixels(click: Click) -> NDArray[np.int64]:
    """Pixels (n, 2) of a scribble's line, in order; for a click, its one pixel."""
    found = [np.array([click.points[0]])]
    for one, two in pairwise(click.points):
        count = max(abs(two[0] - one[0]), abs(two[1] - one[1]))
        found.append(np.rint(np.linspace(one, two, count + 1)[1:]).astype(np.int64))
    return np.concatenate(found)


def disc_radius(shape: tuple[int, ...]) -> float:
    """Radius, in pixels, of the disc around a click in an image (H, W)."""
    return max(1.0, min(shape[:2]) * DISC)


def reach_box(
    click: Click, reach: Reach, shape: tuple[int, ...]
) -> tuple[slice, slice]:
    """Rows and columns of an image (H, W) that a click may reach."""
    half = int(np.ceil(reach.rows)), int(np.ceil(reach.columns))
    rows, columns = (
        slice(max(min(at) - far, 0), min(max(at) + far + 1, size))
        for at, far, size in zip(
            zip(*click.points, strict=True), half, shape, strict=False
        )
    )
    return rows, columns


def drawn_box(click: Click) -> tuple[slice, slice]:
    """Rows and columns of the box that was drawn."""
    assert click.box is not None
    top, left, bottom, right = click.box
    return slice(top, bottom), slice(left, right)


def change_box(
    click: Click, reach: Reach, shape: tuple[int, ...]
) -> tuple[slice, slice]:
    """Rows and columns of an image (H, W) that a click may change."""
    if click.empties:
        return drawn_box(click)
    return reach_box(click, reach, shape)


def away(box: tuple[slice, slice], click: Click, reach: Reach) -> NDArray[np.float32]:
    """Squared distances of a box's pixels to a click without a line.

    Distances are in units of the reach of the click: 1 is the farthest that it reaches.
    """
    rows = np.arange(box[0].start, box[0].stop, dtype=np.float32) - click.row
    columns = np.arange(box[1].start, box[1].stop, dtype=np.float32) - click.column
    found = (rows / reach.rows)[:, None] ** 2 + (columns / reach.columns)[None] ** 2
    return np.asarray(found, np.float32)


def within(
    box: tuple[slice, slice], drawn: tuple[int, int, int, int]
) -> NDArray[np.bool_]:
    """Whether each pixel of `box` lies in the box that was drawn; see `Click.box`."""
    top, left, bottom, right = drawn
    rows = np.arange(box[0].start, box[0].stop)
    columns = np.arange(box[1].start, box[1].stop)
    inside = ((rows >= top) & (rows < bottom))[:, None]
    return np.asarray(inside & (columns >= left) & (columns < right))


def guarded(
    box: tuple[slice, slice], click: Click, earlier: Click
) -> NDArray[np.bool_]:
    """Whether an earlier click protects each pixel of a box from a contrary click.

    The earlier click protects pixels that are nearer to it than half of the distance
    between the two clicks. For a scribble, the distance is that of the nearest pixel of
    its line.

    Parameters
    ----------
    box : (slice, slice)
    click : Click
        The later click, without a line.
    earlier : Click
    """
    pixels = line_pixels(earlier)
    far = ((pixels - [click.row, click.column]) ** 2).sum(1)
    row, column = (int(one) for one in pixels[int(far.argmin())])
    rows = np.arange(box[0].start, box[0].stop, dtype=np.float32) - row
    columns = np.arange(box[1].start, box[1].stop, dtype=np.float32) - column
    return np.asarray(4 * (rows[:, None] ** 2 + columns[None] ** 2) < far.min())


def squares(
    box: tuple[slice, slice], click: Click, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Squared distances of a box's pixels to a click; infinite outside its disc."""
    radius = disc_radius(shape)
    found = np.full([part.stop - part.start for part in box], np.inf, np.float32)
    for one, two in pairwise((*click.points, click.points[-1])):
        step = two[0] - one[0], two[1] - one[1]
        part = tuple(
            slice(
                max(min(a, b) - int(radius), edge.start),
                max(min(max(a, b) + int(radius) + 1, edge.stop), edge.start),
            )
            for a, b, edge in zip(one, two, box, strict=True)
        )
        rows, columns = (
            np.arange(edge.start, edge.stop, dtype=np.float32) - start
            for edge, start in zip(part, one, strict=True)
        )
        along = rows[:, None] * step[0] + columns[None] * step[1]
        along = np.clip(along / max(step[0] ** 2 + step[1] ** 2, 1), 0, 1)
        away = (rows[:, None] - along * step[0]) ** 2
        away += (columns[None] - along * step[1]) ** 2
        inside = tuple(
            slice(edge.start - whole.start, edge.stop - whole.start)
            for edge, whole in zip(part, box, strict=True)
        )
        found[inside] = np.minimum(found[inside], away)
    found[found > radius**2] = np.inf
    return found

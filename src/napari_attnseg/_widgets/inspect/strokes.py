"""Turn mouse strokes on the canvas into clicks and scribbles. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from skimage.measure import approximate_polygon

from napari_attnseg.corrections.clicks import Click, click_in_box

#: A press that moves by fewer screen pixels is a click: hands tremble.
TREMBLE = 4
#: With one of these keys, a drag moves or zooms the image as always.
_OF_VIEW = ("Control", "Alt")
#: Pixels of the image by which the line may leave out what the mouse did.
_TOLERANCE = 0.5


def pixels_at(layer: Any, points: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Vertices, in pixels of a layer, of the line through world points inside it."""
    at = np.array([layer.world_to_data(tuple(p)[-layer.ndim :])[-2:] for p in points])
    found = np.floor(at + 0.5).astype(int)
    inside = ((found >= 0) & (found < layer.data.shape[-2:])).all(1)
    found = found[inside]
    if len(found) > 1:
        new = np.concatenate([[True], (np.diff(found, axis=0) != 0).any(1)])
        found = approximate_polygon(found[new].astype(float), _TOLERANCE).astype(int)
    return [(int(row), int(column)) for row, column in found]


def box_between(
    layer: Any, points: Sequence[Sequence[float]]
) -> tuple[int, int, int, int]:
    """Box of the pixels of a layer between two world points; see `Click.box`."""
    at = np.array([layer.world_to_data(tuple(p)[-layer.ndim :])[-2:] for p in points])
    size = np.array(layer.data.shape[-2:])
    found = np.floor(at + 0.5).clip(0, size - 1).astype(int)
    (top, left), (bottom, right) = found.min(0), found.max(0) + 1
    return int(top), int(left), int(bottom), int(right)


def follow_click(event: Any, clicked: Callable[[], None]) -> Iterator[None]:
    """Follow one press, as a mouse callback of napari; a drag is not a click."""
    yield
    dragged = False
    while event.type == "mouse_move":
        dragged = True
        yield
    if not dragged:
        clicked()


def follow_stroke(
    viewer: Any,
    event: Any,
    layer: Any,
    class_number: int,
    box: bool,
    drawn: Callable[[Click], None],
    done: Callable[[Click], None],
) -> Iterator[None]:
    """Follow one press of the mouse, as a callback of napari; the image does not move.

    Parameters
    ----------
    viewer : napari.Viewer
    event : event of napari
        Event of the press, and later of the moves and the release.
    layer : napari.layers.Labels
        Layer whose pixels are drawn on. A drag that begins outside of it, or with Ctrl
        or Alt held, moves or zooms the image.
    class_number : int
        Class of the click.
    box : bool
        Whether a drag draws a box, not a line.
    drawn, done : callable
        Called with the click or scribble: after every move, and at the end.
    """
    # Compared, not converted: vispy's keys equal their names.
    positive = not (event.button == 2 or "Shift" in event.modifiers)
    points = [tuple(event.position)]
    if not pixels_at(layer, points):
        return

    def click(through: list[tuple[float, ...]]) -> Click:
        if box and len(through) > 1:
            corners = box_between(layer, (through[0], through[-1]))
            return click_in_box(*corners, positive, class_number)
        first, *others = pixels_at(layer, through)
        return Click(*first, positive, class_number, tuple(others))

    of_view = any(key in event.modifiers for key in _OF_VIEW)
    camera, dragged = viewer.scene.camera, False
    before = camera.mouse_pan
    camera.mouse_pan = before and of_view
    try:
        yield
        while event.type == "mouse_move":
            points.append(tuple(event.position))
            moved = np.linalg.norm(np.subtract(points[-1], points[0])) * camera.zoom
            dragged |= bool(moved > TREMBLE)
            if dragged and not of_view:
                drawn(click(points))
            yield
    finally:
        camera.mouse_pan = before
    if not (dragged and of_view):
        done(click(points if dragged else points[:1]))

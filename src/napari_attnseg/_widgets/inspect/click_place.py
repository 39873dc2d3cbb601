"""Reasons why a click on the canvas corrects nothing. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari_attnseg._widgets.inspect.strokes import pixels_at
from napari_attnseg._widgets.inspect.tips import BESIDE, BRUSH
from napari_attnseg._widgets.layers.own_image import (
    deleted_image,
    image_at,
    why_not_seen,
)
from napari_attnseg._widgets.layers.runs import ResultLayers


def why_no_click(viewer: Any, result: ResultLayers, point: Sequence[float]) -> str:
    """Reason why a click at a world point cannot correct a result; empty if it can.

    Parameters
    ----------
    viewer : napari.Viewer
        Its view, its images and the mode of its selected layer decide.
    result : ResultLayers
        Layers of a result that has a mask.
    point : sequence of float
        World coordinates of the click.
    """
    if viewer.dims.ndisplay == 3 or viewer.canvas.grid.enabled:
        return BESIDE
    unseen = why_not_seen(viewer, result)
    if unseen:
        return unseen
    active = viewer.layers.selection.active
    if active is not None and active.mode != "pan_zoom":
        return BRUSH
    there = other_image_at(viewer, result, point)
    if there:
        return there
    if not pixels_at(result.mask, [point]):
        return f"That click was outside {result.name}; nothing was changed."
    return ""


def other_image_at(viewer: Any, result: ResultLayers, point: Sequence[float]) -> str:
    """Sentence if another image than that of a result is seen at a world point.

    Empty if it is the image of the result, no image, or in a grid.
    """
    if viewer.canvas.grid.enabled:
        return ""
    there = image_at(viewer, point)
    if there is None or there is result.image:
        return ""
    if result.image is None:
        deleted = deleted_image(result.layers[-1], viewer.layers)
        said = f"{there.name} is here, and the image of this result was deleted."
        return said if deleted else ""
    return f"{there.name} is here, and this result is of {result.name}."

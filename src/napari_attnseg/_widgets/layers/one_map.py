"""Show one explanation of an image at a time. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.new_layers import NewLayer
from napari_attnseg._widgets.layers.own_image import hide, images_of
from napari_attnseg._widgets.layers.record import Derivation, Part

#: Key, in ``layer.metadata`` of an explanation, of what was asked for: the same map of
#: the same image takes its place.
ASKED = "attnseg map"


def add_explanation(viewer: Any, new: NewLayer, asked: Hashable) -> None:
    """Add an explanation in place of an earlier one, and hide layers that overlap it.

    The other maps and filled masks of its image are hidden, because their colours would
    mix with its own. Outlines stay visible. In a grid, side by side, nothing is hidden.

    Parameters
    ----------
    viewer : napari.Viewer
    new : NewLayer
        From `new_layers.explanation_layer`.
    asked : hashable
        Key that is equal only for the same map of the same image.
    """
    assert new.record is not None
    for layer, image in images_of(viewer.layers).items():
        if str(image.unique_id) != new.record.image.layer_id:
            continue
        if layer.metadata.get(ASKED) == asked:
            viewer.layers.remove(layer)
        elif not viewer.canvas.grid.enabled and _is_map(layer):
            hide(layer)
    new.metadata[ASKED] = asked
    add_layers(viewer, [new])


def shown_explanation(viewer: Any, image: Any) -> str:
    """Method of the uppermost visible explanation of an image; empty if none."""
    for layer, its in reversed(images_of(viewer.layers).items()):
        record = record_of(layer)
        if its is image and layer.visible and record and record.explanation:
            return record.explanation
    return ""


def _is_map(layer: Any) -> bool:
    """Whether a layer lays colours over the image, and not an outline."""
    record = record_of(layer)
    if record is None:
        return False
    if record.derivation is Derivation.READER:
        return bool(layer.contour == 0)
    return (
        bool(record.explanation)
        or record.part in (Part.GATE, Part.PROBABILITY)
        or record.derivation in (Derivation.CHANGE, Derivation.PAINT)
    )

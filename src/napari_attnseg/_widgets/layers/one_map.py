"""Show one map over an image at a time, or a what-if. No Qt, no torch."""

from __future__ import annotations

import weakref
from collections.abc import Hashable
from typing import Any

from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.new_layers import NewLayer
from napari_attnseg._widgets.layers.own_image import (
    HIDDEN,
    bring_forward,
    hide,
    images_of,
    looked_at,
)
from napari_attnseg._widgets.layers.record import Derivation, Part

#: Key, in ``layer.metadata`` of an explanation, of what was asked for: the same map of
#: the same image takes its place.
ASKED = "attnseg map"


def add_explanation(viewer: Any, new: NewLayer, asked: Hashable) -> None:
    """Add an explanation in place of an earlier one, and hide layers that overlap it.

    The other maps and filled masks of its image are hidden, because their colours would
    mix with its own. Outlines stay visible. In a grid, side by side, nothing is hidden.
    An image that is hidden, or that another one covers, is shown, else the map is not
    seen.

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
    (layer,) = add_layers(viewer, [new])
    bring_forward(viewer, images_of(viewer.layers).get(layer))


class MapsAside:
    """Hides explanations while a what-if is drawn on their image; shows them after.

    Their colours would be read as those of what is gained and lost.

    Parameters
    ----------
    viewer : napari.Viewer or ViewerModel
        The visibility of its layers is changed. In a grid, nothing is.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._hidden: weakref.WeakSet[Any] = weakref.WeakSet()

    def hide(self, image: Any) -> None:
        """Hide the visible explanations of an image."""
        if shown := hide_explanations(self._viewer, image):
            # What was hidden before has been replaced.
            self._hidden = weakref.WeakSet(shown)

    def show(self) -> None:
        """Show them again, unless another explanation has taken their place."""
        if self._viewer.canvas.grid.enabled:
            return
        hidden, self._hidden = list(self._hidden), weakref.WeakSet()
        layers = self._viewer.layers
        seen, own = looked_at(layers), images_of(layers)
        taken = [image for image in seen if _explanations(self._viewer, image)]
        for layer in hidden:
            image = own.get(layer)
            if image is not None and image not in seen:
                layer.metadata[HIDDEN] = True  # with its image
            elif image is not None and image not in taken:
                layer.visible = True


def hide_explanations(viewer: Any, image: Any) -> list[Any]:
    """Hide the visible explanations of an image; returns them. In a grid, none are."""
    shown = [] if viewer.canvas.grid.enabled else _explanations(viewer, image)
    for layer in shown:
        hide(layer)
    return shown


def _explanations(viewer: Any, image: Any) -> list[Any]:
    """Visible explanations of an image, bottom to top."""
    found = []
    for layer, its in images_of(viewer.layers).items():
        record = record_of(layer)
        if its is image and layer.visible and record and record.explanation:
            found.append(layer)
    return found


def shown_explanation(viewer: Any, image: Any) -> str:
    """Method of the uppermost visible explanation of an image; empty if none."""
    found = _explanations(viewer, image)
    record = record_of(found[-1]) if found else None
    return "" if record is None else record.explanation


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

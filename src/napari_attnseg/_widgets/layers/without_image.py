"""Hide results whose image was deleted, and put them over it again. No Qt."""

from __future__ import annotations

import weakref
from typing import Any

from napari_attnseg._widgets.layers.own_image import (
    HIDDEN,
    deleted_image,
    hide_with_image,
    images_of,
    show_again,
)

#: Layers that were hidden here. Of all docks together: each may show them again.
_LEFT: weakref.WeakSet[Any] = weakref.WeakSet()


def hide_without_image(viewer: Any) -> None:
    """Hide results of deleted images; show those again whose image was opened again.

    Not to be called while napari takes the image from its canvas: that ends the process
    (docs/known-napari-crash.md).

    Parameters
    ----------
    viewer : napari.Viewer or ViewerModel
        The visibility of this plugin's layers is changed.
    """
    for layer in viewer.layers:
        if deleted_image(layer, viewer.layers):
            if layer.visible:
                _LEFT.add(layer)
                hide_with_image(layer)
        # Side by side, the note is taken away until the overlay is back.
        elif layer in _LEFT and (layer.visible or HIDDEN in layer.metadata):
            _LEFT.discard(layer)
            show_again(layer)


def lift_results(viewer: Any, image: Any) -> None:
    """Move what belongs to an image, and lies below it, directly above it.

    An image that is opened again comes on top, and would cover its own results.

    Parameters
    ----------
    viewer : napari.Viewer or ViewerModel
    image : Image
        Nothing is done if it is no longer in the list.
    """
    layers = viewer.layers
    if image not in layers:
        return
    own, place = images_of(layers), layers.index(image)
    below = [i for i in range(place) if own.get(layers[i]) is image]
    if below:
        layers.move_multiple(below, place + 1)

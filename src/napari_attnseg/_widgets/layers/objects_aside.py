"""Hide measured objects while coloured outlines are drawn on their image. No Qt."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.own_image import (
    ASIDE,
    HIDDEN,
    images_of,
    looked_at,
)
from napari_attnseg._widgets.layers.record import Derivation


class ObjectsAside:
    """Hides the objects of an image while a section of Inspect draws on it.

    The white of objects would be read as the mask by both encoders, and the pink of the
    selected one as what a what-if loses.

    Parameters
    ----------
    viewer : napari.Viewer or ViewerModel
        The visibility of its layers is changed. In a grid, nothing is.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        #: Section → the image that it draws on.
        self._drawn_on: dict[Hashable, Any] = {}

    def follow(self, section: Hashable, image: Any) -> None:
        """Note the image that a section draws on; None: it draws nothing."""
        self._drawn_on.pop(section, None)
        if image is not None:
            self._drawn_on[section] = image
        if not self._viewer.canvas.grid.enabled:
            self._hide_or_show()

    def end(self) -> None:
        """Show all objects that were hidden."""
        self._drawn_on = {}
        self._hide_or_show()

    def _hide_or_show(self) -> None:
        layers, drawn_on = self._viewer.layers, list(self._drawn_on.values())
        own, seen = images_of(layers), looked_at(layers)
        for layer in layers:
            record = record_of(layer)
            if record is None or record.derivation is not Derivation.OBJECTS:
                continue
            # Objects of labels that the user painted name no image: of any.
            image = own.get(layer)
            if drawn_on and (image is None or image in drawn_on):
                if layer.visible:
                    layer.metadata[ASIDE] = True  # before others learn of it
                    layer.visible = False
            elif layer.metadata.pop(ASIDE, False):
                if image is None or image in seen:
                    layer.visible = True
                else:
                    layer.metadata[HIDDEN] = True  # with its image

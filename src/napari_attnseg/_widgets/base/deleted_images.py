"""Hide the results of images that were deleted, while a dock is open."""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any

from napari_attnseg._widgets.base.controls import halt, restart, timer
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.layers.own_image import (
    deleted_image,
    hide_with_image,
    show_again,
)

#: Layers that were hidden here. Of all docks together: each may show them again.
_LEFT: weakref.WeakSet[Any] = weakref.WeakSet()


class DeletedImages:
    """Hides results whose image was deleted; they would lie on the next one opened.

    They are shown again if their own image comes back. Without an image below them,
    napari 0.9.2 crashes when another one is opened (docs/known-napari-crash.md).

    Parameters
    ----------
    viewer : napari.Viewer
    life : Lifetime
        Ends the connections to the viewer.
    """

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        self._viewer, self._life = viewer, life
        # Not while napari takes the image from its canvas: that ends the process.
        self._soon = timer(0, self._hide)
        events = viewer.layers.events
        # The end of side by side shows again what was visible before.
        grid = viewer.canvas.grid.events.enabled
        for event in (events.removed, events.inserted, grid):
            event.connect(self._later)
            life.at_end.append(partial(event.disconnect, self._later))
        life.at_end.append(partial(halt, self._soon))

    def _later(self, event: Any = None) -> None:
        if not self._life.ended:
            restart(self._soon)

    def _hide(self) -> None:
        if self._life.ended:
            return
        for layer in self._viewer.layers:
            if deleted_image(layer, self._viewer.layers):
                if layer.visible:
                    _LEFT.add(layer)
                    hide_with_image(layer)
            elif layer in _LEFT:
                _LEFT.discard(layer)
                show_again(layer)

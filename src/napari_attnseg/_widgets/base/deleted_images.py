"""Hide the results of images that were deleted, while a dock is open."""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any

from napari_attnseg._widgets.base.controls import halt, restart, timer
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.layers.metadata import is_image
from napari_attnseg._widgets.layers.without_image import (
    hide_without_image,
    lift_results,
)


class DeletedImages:
    """Hides results whose image was deleted; they would lie on the next one opened.

    They are shown again, directly above their own image, if it comes back. Without an
    image below them, napari 0.9.2 crashes when another one is opened
    (docs/known-napari-crash.md).

    Parameters
    ----------
    viewer : napari.Viewer
    life : Lifetime
        Ends the connections to the viewer.
    """

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        self._viewer, self._life = viewer, life
        #: Images that were added since results were looked at last.
        self._came: weakref.WeakSet[Any] = weakref.WeakSet()
        # Not while napari takes the image from its canvas: that ends the process.
        self._soon = timer(0, self._follow)
        events = viewer.layers.events
        # The end of side by side shows again what was visible before.
        grid = viewer.canvas.grid.events.enabled
        for event, call in (
            (events.removed, self._later),
            (events.inserted, self._inserted),
            (grid, self._later),
        ):
            event.connect(call)
            life.at_end.append(partial(event.disconnect, call))
        life.at_end.append(partial(halt, self._soon))

    def _inserted(self, event: Any) -> None:
        if is_image(event.value):
            self._came.add(event.value)
        self._later()

    def _later(self, event: Any = None) -> None:
        if not self._life.ended:
            restart(self._soon)

    def _follow(self) -> None:
        if self._life.ended:
            return
        came, self._came = list(self._came), weakref.WeakSet()
        for image in came:
            lift_results(self._viewer, image)
        hide_without_image(self._viewer)

"""Keep the outlines of masks equally wide on the screen at every zoom."""

from __future__ import annotations

from functools import partial
from typing import Any

from napari_attnseg._widgets.base.controls import restart, timer
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.layers.metadata import has_record
from napari_attnseg._widgets.layers.outline import follow_zoom


class OutlineWidths:
    """Follows the zoom of a viewer while a dock is open.

    Parameters
    ----------
    viewer : napari.Viewer
        The outlines of this plugin's masks in it are followed.
    life : Lifetime
        Ends the connection to the viewer.
    """

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        self._viewer, self._life = viewer, life
        # Once, when the wheel rests: napari computes an outline anew each time.
        self._soon = timer(150, self._follow)
        for event in (viewer.scene.camera.events.zoom, viewer.layers.events.inserted):
            event.connect(self._changed)
            life.at_end.append(partial(event.disconnect, self._changed))

    def _changed(self, event: Any = None) -> None:
        restart(self._soon)

    def _follow(self) -> None:
        if self._life.ended or self._viewer.canvas.grid.enabled:
            return
        for layer in self._viewer.layers:
            if has_record(layer):
                follow_zoom(layer, float(self._viewer.scene.camera.zoom))

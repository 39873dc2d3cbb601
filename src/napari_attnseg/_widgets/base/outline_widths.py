"""Keep the outlines of masks equally wide on the screen, and a full one a fill."""

from __future__ import annotations

from functools import partial
from typing import Any

from napari.layers import Labels

from napari_attnseg._widgets.base.controls import restart, timer
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.layers.metadata import REVIEWED, has_record
from napari_attnseg._widgets.layers.outline import follow_zoom
from napari_attnseg._widgets.layers.pixels import changes_of


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
        inserted = viewer.layers.events.inserted
        step, zoom = viewer.dims.events.current_step, viewer.scene.camera.events.zoom
        for event in (zoom, step, inserted):
            event.connect(self._changed)
            life.at_end.append(partial(event.disconnect, self._changed))
        inserted.connect(self._watch)
        life.at_end += [partial(inserted.disconnect, self._watch), self._let_go]
        self._watch()

    def _watch(self, event: Any = None) -> None:
        for layer in self._viewer.layers:
            if _is_followed(layer) and isinstance(layer, Labels):
                for event in changes_of(layer):
                    event.disconnect(self._changed)
                    event.connect(self._changed)

    def _let_go(self) -> None:
        for layer in self._viewer.layers:
            if isinstance(layer, Labels):
                for event in changes_of(layer):
                    event.disconnect(self._changed)

    def _changed(self, event: Any = None) -> None:
        restart(self._soon)

    def _follow(self) -> None:
        if self._life.ended or self._viewer.canvas.grid.enabled:
            return
        zoom, point = float(self._viewer.scene.camera.zoom), self._viewer.dims.point
        for layer in self._viewer.layers:
            if _is_followed(layer):
                follow_zoom(layer, zoom, point)


def _is_followed(layer: Any) -> bool:
    """Whether a layer is of a result, or the mask of a case in Review."""
    return has_record(layer) or REVIEWED in layer.metadata

"""Move results with their image when the user moves, scales or turns it."""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any

from napari.layers import Image

from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.layers.metadata import has_record
from napari_attnseg._widgets.layers.own_image import images_of
from napari_attnseg._widgets.layers.placement import carried
from napari_attnseg._widgets.layers.source import placement_of

#: Events of a layer whose place in the world changes.
PLACEMENT_EVENTS = ("scale", "translate", "rotate", "shear", "affine")
#: Image → where it was last. Of all docks together: its results are moved once.
_LAST: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()


class MovedImages:
    """Moves results with their images while a dock is open.

    Parameters
    ----------
    viewer : napari.Viewer
        The placement of this plugin's layers in it follows that of their images.
    life : Lifetime
        Ends the connections to the viewer.
    """

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        self._viewer, self._life = viewer, life
        inserted = viewer.layers.events.inserted
        inserted.connect(self._watch)
        life.at_end.append(partial(inserted.disconnect, self._watch))
        life.at_end.append(self._let_go)
        self._watch()

    def _watch(self, event: Any = None) -> None:
        for layer in self._viewer.layers:
            if isinstance(layer, Image) and not has_record(layer):
                _LAST[layer] = placement_of(layer)
                for name in PLACEMENT_EVENTS:
                    emitter = getattr(layer.events, name)
                    emitter.disconnect(self._moved)
                    emitter.connect(self._moved)

    def _let_go(self) -> None:
        for layer in self._viewer.layers:
            for name in PLACEMENT_EVENTS:
                getattr(layer.events, name).disconnect(self._moved)

    def _moved(self, event: Any) -> None:
        moved = event.source
        if self._life.ended or moved not in self._viewer.layers:
            return
        before, now = _LAST[moved], placement_of(moved)
        _LAST[moved] = now
        for layer, image in images_of(self._viewer.layers).items():
            if image is moved and layer.ndim == moved.ndim:
                for name, value in carried(placement_of(layer), before, now).items():
                    setattr(layer, name, value)

"""Move results with their image when the user moves, scales or turns it."""

from __future__ import annotations

import weakref
from typing import Any

from napari_attnseg._widgets.base.watched_images import WatchedImages
from napari_attnseg._widgets.layers.own_image import images_of
from napari_attnseg._widgets.layers.placement import carried
from napari_attnseg._widgets.layers.source import placement_of

#: Events of a layer whose place in the world changes.
PLACEMENT_EVENTS = ("scale", "translate", "rotate", "shear", "affine")
#: Image → where it was last. Of all docks together: its results are moved once.
_LAST: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()


class MovedImages(WatchedImages):
    """Moves results with their images while a dock is open."""

    events = PLACEMENT_EVENTS

    def _note(self, image: Any) -> None:
        _LAST[image] = placement_of(image)

    def _changed(self, event: Any) -> None:
        moved = event.source
        if self._life.ended or moved not in self._viewer.layers:
            return
        before, now = _LAST[moved], placement_of(moved)
        _LAST[moved] = now
        for layer, image in images_of(self._viewer.layers).items():
            if image is moved and layer.ndim == moved.ndim:
                for name, value in carried(placement_of(layer), before, now).items():
                    setattr(layer, name, value)

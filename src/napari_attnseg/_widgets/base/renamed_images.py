"""Rename results together with their image."""

from __future__ import annotations

import re
import weakref
from typing import Any

from napari_attnseg._widgets.base.watched_images import WatchedImages
from napari_attnseg._widgets.layers.new_layers import layer_name
from napari_attnseg._widgets.layers.own_image import images_of

#: Image → its last name. All docks share this, so that results are renamed once.
_LAST: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


class RenamedImages(WatchedImages):
    """Renames the results of an image when it is renamed, while a dock is open.

    A layer that the user gave a name of another form keeps that name.
    """

    events = ("name",)

    def _note(self, image: Any) -> None:
        _LAST[image] = image.name

    def _changed(self, event: Any) -> None:
        image = event.source
        if self._life.ended or image not in self._viewer.layers:
            return
        before, _LAST[image] = _LAST.get(image, image.name), image.name
        if before == image.name:
            return
        # napari numbers names that it knows already.
        of_image = re.compile(rf"(.+) · {re.escape(before)}( \[\d+\])?")
        for layer, own in images_of(self._viewer.layers).items():
            found = of_image.fullmatch(layer.name) if own is image else None
            if found is not None:
                layer.name = layer_name(found[1], image.name)

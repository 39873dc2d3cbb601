"""Rename results together with their image."""

from __future__ import annotations

import re
import weakref
from functools import partial
from typing import Any

from napari.layers import Image

from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.layers.metadata import has_record
from napari_attnseg._widgets.layers.new_layers import layer_name
from napari_attnseg._widgets.layers.own_image import images_of

#: Image → its last name. All docks share this, so that results are renamed once.
_LAST: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


class RenamedImages:
    """Renames the results of an image when it is renamed, while a dock is open.

    A layer that the user gave a name of another form keeps that name.

    Parameters
    ----------
    viewer : napari.Viewer
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
                _LAST[layer] = layer.name
                layer.events.name.disconnect(self._renamed)
                layer.events.name.connect(self._renamed)

    def _let_go(self) -> None:
        for layer in self._viewer.layers:
            layer.events.name.disconnect(self._renamed)

    def _renamed(self, event: Any) -> None:
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

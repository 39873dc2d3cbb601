"""Follow events of the images that a user opened, while a dock is open."""

from __future__ import annotations

from functools import partial
from typing import Any

from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.layers.metadata import is_image


class WatchedImages:
    """Calls `_changed` on events of images that are no results; to be derived from.

    Parameters
    ----------
    viewer : napari.Viewer
    life : Lifetime
        Ends the connections to the viewer.
    """

    #: Names of the events of a layer that are followed.
    events: tuple[str, ...] = ()

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        self._viewer, self._life = viewer, life
        inserted = viewer.layers.events.inserted
        inserted.connect(self._watch)
        life.at_end.append(partial(inserted.disconnect, self._watch))
        life.at_end.append(self._let_go)
        self._watch()

    def _watch(self, event: Any = None) -> None:
        for layer in self._viewer.layers:
            if is_image(layer):
                self._note(layer)
                for name in self.events:
                    emitter = getattr(layer.events, name)
                    emitter.disconnect(self._changed)
                    emitter.connect(self._changed)

    def _let_go(self) -> None:
        for layer in self._viewer.layers:
            for name in self.events:
                getattr(layer.events, name).disconnect(self._changed)

    def _note(self, image: Any) -> None:
        """Note the state of an image, with which the next event is compared."""
        raise NotImplementedError

    def _changed(self, event: Any) -> None:
        """React to an event of an image, ``event.source``."""
        raise NotImplementedError

"""Call back when another image, or another layer of an image, may be on screen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from napari_attnseg._widgets.base.controls import halt, restart, timer
from napari_attnseg._widgets.base.lifetime import Lifetime


class SeenImage:
    """Watches layers being added, removed, reordered, shown and hidden in a viewer.

    Parameters
    ----------
    viewer : napari.Viewer
    life : Lifetime
        Ends the connections to the layers.
    changed : callable
        Called once, 50 ms after the last of these changes.
    """

    def __init__(
        self, viewer: Any, life: Lifetime, changed: Callable[[], None]
    ) -> None:
        self._viewer, self._life = viewer, life
        # Many layers are shown and hidden at once.
        self._soon = timer(50, changed)
        events = viewer.layers.events
        grid = viewer.canvas.grid.events.enabled
        for event in (events.inserted, events.removed, events.reordered, grid):
            event.connect(self._look)
            life.at_end.append(partial(event.disconnect, self._look))
        life.at_end += [self._let_go, partial(halt, self._soon)]
        self._look()

    def _look(self, event: Any = None) -> None:
        for layer in self._viewer.layers:
            layer.events.visible.disconnect(self._look)
            layer.events.visible.connect(self._look)
        if not self._life.ended:
            restart(self._soon)

    def _let_go(self) -> None:
        for layer in self._viewer.layers:
            layer.events.visible.disconnect(self._look)

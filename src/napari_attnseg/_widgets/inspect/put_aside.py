"""Hide layers while the section that they belong to is not visible. No Qt."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any


class PutAside:
    """Hides layers with their section, and shows the same ones with it again.

    Parameters
    ----------
    viewer : napari.Viewer
        Side by side, nothing is shown again before the overlay is back: it would take
        a cell.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._hidden: weakref.WeakSet[Any] = weakref.WeakSet()

    def hide(self, layers: Iterable[Any]) -> None:
        """Hide those of these layers that are visible."""
        for layer in layers:
            if layer is not None and layer in self._viewer.layers and layer.visible:
                layer.visible = False
                self._hidden.add(layer)

    def show(self) -> None:
        """Show the hidden layers that still exist."""
        if self._viewer.canvas.grid.enabled:
            return
        hidden, self._hidden = list(self._hidden), weakref.WeakSet()
        for layer in hidden:
            if layer in self._viewer.layers:
                layer.visible = True

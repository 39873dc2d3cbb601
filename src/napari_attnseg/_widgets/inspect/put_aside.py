"""Hide layers while the section that they belong to is not visible. No Qt."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any


class PutAside:
    """Hides layers together with their section, and shows the same layers again.

    Parameters
    ----------
    viewer : napari.Viewer
        Viewer with the layers. While results are side by side, nothing is shown again,
        because it would take a cell.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._hidden: weakref.WeakSet[Any] = weakref.WeakSet()

    def hide(self, layers: Iterable[Any]) -> None:
        """Hide the visible ones of these layers."""
        for layer in layers:
            if layer is not None and layer in self._viewer.layers and layer.visible:
                layer.visible = False
                self._hidden.add(layer)

    def holds(self, layer: Any) -> bool:
        """Whether a layer is hidden by this, and is shown by `show`."""
        return layer in self._hidden

    def let_go(self, layer: Any) -> None:
        """Leave a layer as it is now, also after `show`."""
        self._hidden.discard(layer)

    def show(self) -> None:
        """Show the hidden layers that still exist."""
        if self._viewer.canvas.grid.enabled:
            return
        hidden, self._hidden = list(self._hidden), weakref.WeakSet()
        for layer in hidden:
            if layer in self._viewer.layers:
                layer.visible = True

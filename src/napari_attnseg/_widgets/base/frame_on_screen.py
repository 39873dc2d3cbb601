"""The frame of an image that is on screen, updated when the slider moves. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.layers.frames import shown_frame


class FrameOnScreen:
    """Index of the frame of a layer on screen; call it from any thread to read it.

    Parameters
    ----------
    viewer : napari.Viewer
        Viewer whose slider is watched.
    life : Lifetime
        Ends the connection.
    moved : callable, optional
        Called with the index of the frame when it changes.
    """

    def __init__(
        self, viewer: Any, life: Lifetime, moved: Callable[[int], None] | None = None
    ) -> None:
        self._viewer, self._moved = viewer, moved
        self._layer: Any = None
        self._frames = self._frame = 0
        step = viewer.dims.events.current_step
        step.connect(self._look)
        life.at_end.append(partial(step.disconnect, self._look))

    def follow(self, layer: Any, frames: int | None) -> None:
        """Set the layer to follow; `frames` is None for a single image."""
        self._layer, self._frames = layer, frames or 0
        self._look()

    def __call__(self) -> int:
        return self._frame

    def _look(self, event: Any = None) -> None:
        layer = self._layer
        if layer is None or not self._frames or layer.ndim < 3:
            self._frame = 0
            return
        frame = shown_frame(layer, self._viewer.dims.point, self._frames)
        if frame != self._frame:
            self._frame = frame
            if self._moved is not None:
                self._moved(frame)

"""Notice that a mask was changed after its objects were measured. No Qt but a timer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from napari_attnseg._widgets.base.controls import halt, restart, timer
from napari_attnseg._widgets.layers.frames import shown_frame
from napari_attnseg._widgets.layers.own_image import hide, is_wanted
from napari_attnseg._widgets.layers.pixels import changes_of
from napari_attnseg._widgets.layers.source import finest
from napari_attnseg._widgets.objects.measurement import Measurement

STALE = "The labels were changed since they were measured: press Measure again."
STALE_MASK = "The mask was changed since it was measured: press Measure again."
STALE_OBJECTS = (
    "These objects were changed since they were measured: choose {name!r} in Labels "
    "and press Measure."
)


class Watched:
    """A measurement and its layers; objects of a mask that changes are hidden.

    Otherwise the outline of the old objects would lie over the corrected mask.

    Parameters
    ----------
    viewer : napari.Viewer
    measured : Measurement
    layer : Labels
        Layer whose labels are those of the measurement.
    mask : Labels or None
        Mask from which the layer was made; None: the layer itself was measured.

    Attributes
    ----------
    tell : callable
        Called whenever one of the layers may have changed.
    """

    def __init__(
        self, viewer: Any, measured: Measurement, layer: Any, mask: Any = None
    ) -> None:
        self._viewer, self._measured = viewer, measured
        self.layer, self.mask = layer, mask
        self.tell: Callable[[], None] = lambda: None
        self._stale = self._hidden = self._said = False
        # Not while napari paints in the mask; of one pixel it tells before it does.
        self._soon = timer(0, self._settled)
        for watched in self._layers():
            for event in changes_of(watched):
                event.connect(self._changed)
        self._changed()  # somebody may have painted while it was measured

    def _layers(self) -> list[Any]:
        return [self.layer] if self.mask is None else [self.layer, self.mask]

    def end(self) -> None:
        """Let go of the layers."""
        halt(self._soon)
        self.tell = lambda: None
        for watched in self._layers():
            for event in changes_of(watched):
                event.disconnect(self._changed)

    def sentence(self, everything: bool = False) -> str:
        """What was changed since the measurement; empty if nothing.

        Of a stack only the frame on screen is compared, unless `everything` is true or
        something is known to be changed: napari tells of another frame as it tells of a
        change, and a whole stack is slow to compare.
        """
        everything |= self._said
        found = ""
        if self._mask_differs(everything):
            found = STALE_MASK
        elif self._differs(self.layer, self._measured.labels, everything):
            objects = STALE_OBJECTS.format(name=self.layer.name)
            found = STALE if self.mask is None else objects
        self._said = bool(found)
        return found

    def _mask_differs(self, everything: bool = False) -> bool:
        mask = self.mask
        if mask is None or mask not in self._viewer.layers:
            return False
        return self._differs(mask, self._measured.task.data, everything)

    def _differs(self, layer: Any, known: Any, everything: bool) -> bool:
        now = finest(layer)
        if now.shape == known.shape and now.ndim == 3 and not everything:
            frame = shown_frame(layer, self._viewer.dims.point, len(now))
            now, known = now[frame], known[frame]
        return not np.array_equal(np.asarray(now), known)

    def _changed(self, event: Any = None) -> None:
        self.tell()
        restart(self._soon)

    def _settled(self) -> None:
        self.tell()
        if self.mask is not None:
            self._show_or_hide()

    def _show_or_hide(self) -> None:
        before = self._stale
        stale = self._mask_differs(everything=before)
        if stale == before or self.layer not in self._viewer.layers:
            return
        self._stale = stale
        if stale and is_wanted(self.layer):
            hide(self.layer)
            self._hidden = True
        elif not stale and self._hidden:
            self.layer.visible = True
            self._hidden = False

"""Hide a filled mask while its filled objects are shown. No Qt except a timer.

Two fills on top of each other would mix to a colour that neither layer has.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from napari_attnseg._widgets.base.controls import halt, restart, timer
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.layers.metadata import has_record
from napari_attnseg._widgets.layers.own_image import ASIDE, BEHIND, HIDDEN


class FillBehind:
    """Hides one mask at a time, until its objects are hidden or removed.

    Parameters
    ----------
    viewer : napari.Viewer
    life : Lifetime
        When it ends, the mask is shown again.
    """

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        self._viewer = viewer
        self._mask: Any = None
        self._objects: Any = None
        #: Whether the mask is shown only until its objects are shown again.
        self._seen_aside = False
        # Not while napari takes the objects from its canvas: that may end the process.
        self._soon = timer(0, self._follow)
        life.at_end += [partial(halt, self._soon), self.show_again]

    def hide(self, mask: Any, objects: Any) -> None:
        """Hide a mask of this plugin behind its objects, if both are fills."""
        self.show_again()
        if not has_record(mask) or mask.contour or objects.contour or not mask.visible:
            return
        mask.metadata[BEHIND] = True
        mask.visible = False
        self._mask, self._objects = mask, objects
        objects.events.visible.connect(self._changed)
        self._viewer.layers.events.removed.connect(self._changed)

    def _changed(self, event: Any = None) -> None:
        if self._mask is None:
            return
        gone = self._objects not in self._viewer.layers
        if gone or not self._objects.metadata.get(HIDDEN, False):
            restart(self._soon)

    def _follow(self) -> None:
        """Hide the mask while its objects are seen; show it while they are not."""
        mask, objects = self._mask, self._objects
        if mask is None:
            return
        aside = objects.metadata.get(ASIDE, False)
        if objects not in self._viewer.layers or not (objects.visible or aside):
            self.show_again()
        elif aside and not objects.visible and not self._seen_aside:
            self._seen_aside = mask.visible = True
        elif objects.visible and self._seen_aside:
            self._seen_aside = mask.visible = False

    def show_again(self) -> None:
        """Show the mask, unless the user did, and stop watching both layers."""
        mask, objects = self._mask, self._objects
        if mask is None:
            return
        self._mask = self._objects = None
        self._seen_aside = False
        objects.events.visible.disconnect(self._changed)
        self._viewer.layers.events.removed.disconnect(self._changed)
        if mask.metadata.pop(BEHIND, False):
            mask.visible = True

"""The switch "Show only this image's results", which follows the layers."""

from __future__ import annotations

from functools import partial
from typing import Any

from qtpy.QtWidgets import QCheckBox

from napari_attnseg._widgets.base.controls import restart, timer
from napari_attnseg._widgets.base.lifetime import Lifetime, follow_layers
from napari_attnseg._widgets.base.moved_images import PLACEMENT_EVENTS
from napari_attnseg._widgets.layers.metadata import is_image
from napari_attnseg._widgets.layers.own_image import show_all_again, show_only_own

#: Events of an image that may cover another one afterwards, or no longer.
_EVENTS = ("visible", *PLACEMENT_EVENTS)


class OwnResults(QCheckBox):
    """Hides results of images that are not in view; on at first.

    Parameters
    ----------
    viewer : napari.Viewer
        The visibility of this plugin's layers follows that of their images.
    life : Lifetime
        Ends the connections to the viewer.
    """

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        super().__init__("Show only this image's results")
        self.setToolTip(
            "Results of an image are hidden while another image covers it, or while it "
            "is hidden itself. Images side by side keep theirs."
        )
        self.setChecked(True)
        self._viewer, self._life = viewer, life
        # Once, when a list of layers is complete.
        self._soon = timer(0, self._apply)
        self.toggled.connect(self._switched)
        follow_layers(viewer, life, self._follow)
        grid = viewer.canvas.grid.events.enabled
        grid.connect(self._follow)
        life.at_end.append(partial(grid.disconnect, self._follow))
        life.at_end.append(partial(_disconnect, viewer.layers, self._follow))
        self._follow()

    def _follow(self, event: Any = None) -> None:
        if self._life.ended:
            return
        for layer in self._viewer.layers:
            if is_image(layer):
                for name in _EVENTS:
                    getattr(layer.events, name).disconnect(self._follow)
                    getattr(layer.events, name).connect(self._follow)
        restart(self._soon)

    def _apply(self) -> None:
        if self.isChecked() and not self._life.ended:
            show_only_own(self._viewer)

    def _switched(self, on: bool) -> None:
        if on:
            self._apply()
        else:
            show_all_again(self._viewer)


def _disconnect(layers: Any, callback: Any) -> None:
    for layer in layers:
        for name in _EVENTS:
            getattr(layer.events, name).disconnect(callback)

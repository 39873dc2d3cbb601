"""Let the Inspect widget follow the image in view. No Qt except a timer."""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

from napari.layers import Image

from napari_attnseg._widgets.base.controls import halt, restart, timer
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.layers.metadata import has_record
from napari_attnseg._widgets.layers.own_image import spoken_of

if TYPE_CHECKING:
    from napari_attnseg._widgets.inspect.widget import InspectWidget


class ResultInView:
    """Chooses the latest result of the image in view, if another image was chosen.

    Otherwise the widget would change and save the mask of an image that is hidden or
    covered by another one.

    Parameters
    ----------
    viewer : napari.Viewer
        Viewer whose layers, and their visibility, are watched.
    life : Lifetime
        Ends the connections to them.
    widget : InspectWidget
        Widget whose list of results is set.
    """

    def __init__(self, viewer: Any, life: Lifetime, widget: InspectWidget) -> None:
        self._viewer, self._life = viewer, life
        self._widget = weakref.ref(widget)
        # Many layers are shown and hidden at once.
        self._soon = timer(50, self._turn)
        events = viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered):
            event.connect(self._changed)
            life.at_end.append(partial(event.disconnect, self._changed))
        life.at_end += [self._let_go, partial(halt, self._soon)]
        self._changed()

    def _changed(self, event: Any = None) -> None:
        for layer in self._viewer.layers:
            if isinstance(layer, Image) and not has_record(layer):
                layer.events.visible.disconnect(self._changed)
                layer.events.visible.connect(self._changed)
        if not self._life.ended:
            restart(self._soon)

    def _let_go(self) -> None:
        for layer in self._viewer.layers:
            layer.events.visible.disconnect(self._changed)

    def _turn(self) -> None:
        widget = self._widget()
        if widget is None or self._life.ended or widget.result is None:
            return
        if self._viewer.canvas.grid.enabled:
            return
        image, _ = spoken_of(self._viewer, widget.result.image)
        if image is None or image is widget.result.image:
            return
        of_image = [i for i, one in enumerate(widget.results) if one.image is image]
        if of_image:
            widget.result_box.setCurrentIndex(of_image[0])

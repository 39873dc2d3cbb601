"""Let the Inspect widget follow the image in view, or pause it."""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_attnseg._widgets.base.controls import halt, restart, timer
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.moved_images import PLACEMENT_EVENTS
from napari_attnseg._widgets.layers.display import leave_brushes
from napari_attnseg._widgets.layers.metadata import is_image
from napari_attnseg._widgets.layers.own_image import spoken_of, why_not_seen

if TYPE_CHECKING:
    from napari_attnseg._widgets.inspect.widget import InspectWidget


#: Events of an image that may cover another one afterwards, or no longer.
_EVENTS = ("visible", "opacity", "blending", *PLACEMENT_EVENTS)


class ResultInView:
    """Chooses the latest result of the image in view, if another image was chosen.

    Otherwise the widget would change and save the mask of an image that is hidden or
    covered by another one. If the image in view has no result, everything that reads or
    changes a result is paused.

    Parameters
    ----------
    viewer : napari.Viewer
        Viewer whose layers, and their visibility, are watched.
    life : Lifetime
        Ends the connections to them.
    widget : InspectWidget
        Widget whose list of results is set, and whose parts are paused.

    Attributes
    ----------
    why : str
        Why the parts are paused; empty while they are not.
    """

    def __init__(self, viewer: Any, life: Lifetime, widget: InspectWidget) -> None:
        self._viewer, self._life = viewer, life
        self._widget = weakref.ref(widget)
        self.why = ""
        # Many layers are shown and hidden at once.
        self._soon = timer(50, self.turn)
        events = viewer.layers.events
        grid = viewer.canvas.grid.events.enabled
        for event in (events.inserted, events.removed, events.reordered, grid):
            event.connect(self._changed)
            life.at_end.append(partial(event.disconnect, self._changed))
        life.at_end += [self._let_go, partial(halt, self._soon)]
        self._changed()

    def _changed(self, event: Any = None) -> None:
        for layer in self._viewer.layers:
            if is_image(layer):
                for name in _EVENTS:
                    getattr(layer.events, name).disconnect(self._changed)
                    getattr(layer.events, name).connect(self._changed)
        if not self._life.ended:
            restart(self._soon)

    def _let_go(self) -> None:
        for layer in self._viewer.layers:
            for name in _EVENTS:
                getattr(layer.events, name).disconnect(self._changed)

    def turn(self) -> None:
        """Choose the result of the image in view, and pause or go on."""
        widget = self._widget()
        if widget is None or self._life.ended or widget.result is None:
            return
        widget.settle()  # an image that was hidden may have been shown
        if not self._viewer.canvas.grid.enabled:
            image, _ = spoken_of(self._viewer, widget.result.image)
            of_image = [i for i, one in enumerate(widget.results) if one.image is image]
            if image not in (None, widget.result.image) and of_image:
                widget.result_box.setCurrentIndex(of_image[0])
        self.tell()

    def tell(self) -> None:
        """Pause what reads and changes the chosen result, or let it go on."""
        widget = self._widget()
        if widget is None or self._life.ended:
            return
        result = widget.result
        why = "" if result is None else why_not_seen(self._viewer, result)
        if why == self.why:
            return
        self.why = why
        if why:
            leave_brushes(self._viewer)
        for part in (widget.mask_section, widget.readers_panel, widget.whatif_panel):
            part.setEnabled(not why)
        widget.pointing.set_unseen(why)
        widget.click_panel.pause(why)

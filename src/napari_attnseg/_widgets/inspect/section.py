"""A section of the Inspect widget that encodes a frame and draws on the canvas."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtWidgets import QWidget

from napari_attnseg._widgets.base.controls import wrapped_label
from napari_attnseg._widgets.base.jobs import Failed
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.model_cache import MODELS
from napari_attnseg._widgets.inspect.encoding import Encoding
from napari_attnseg._widgets.inspect.put_aside import PutAside
from napari_attnseg._widgets.inspect.tips import WAIT
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg.errors import AttnSegError


class Section(QWidget):
    """Section whose layers are visible only while it is open and its tab in front.

    Parameters
    ----------
    viewer : napari.Viewer
        Layers are hidden in it and shown again.
    life : Lifetime
        After its end, nothing is hidden or shown.
    """

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        super().__init__()
        self._viewer, self._life = viewer, life
        self._result: ResultLayers | None = None
        self._aside = PutAside(viewer)
        #: The last error that napari was told, and the result that it was about.
        self._told: tuple[ResultLayers | None, str] = (None, "")
        self._in_front = self._unfolded = True
        #: Left while results were side by side, when there was nothing to hide.
        self._left_beside = False
        self.message = wrapped_label()
        life.at_end.append(MODELS.add_user())

    def drawn(self) -> Iterable[Any]:
        """Layers that are hidden with the section; items may be None."""
        raise NotImplementedError

    def set_in_front(self, front: bool) -> None:
        """Set whether the dock is the front tab; Qt reports this only to the dock."""
        self._in_front = front
        self._follow()

    def follow_overlay(self) -> None:
        """Apply changes that were made while results were side by side."""
        if self._left_beside or (self._unfolded and self._in_front):
            self._follow()

    def hideEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Hide the layers, because the section was closed."""
        if not event.spontaneous():  # the window was minimised
            self._unfolded = False
            self._follow()
        super().hideEvent(event)

    def showEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Show the layers that were hidden with the section."""
        if not event.spontaneous():
            self._unfolded = True
            self._follow()
        super().showEvent(event)

    def _follow(self) -> None:
        if self._life.ended:
            return
        if self._unfolded and self._in_front:
            self._aside.show()
        else:
            self._aside.hide(self.drawn())
        beside = self._viewer.canvas.grid.enabled
        self._left_beside = beside and not (self._unfolded and self._in_front)

    def _drawn_late(self) -> None:
        """Hide what was drawn while another tab is in front."""
        if not self._in_front:
            self._aside.hide(self.drawn())

    def _run_encoders(
        self, encoding: Encoding[Any], finished: Callable[[Any], None]
    ) -> None:
        """Run a job on the shown frame, unless it runs already.

        `finished` gets what it returns while the same result is chosen.
        """
        result = self._result
        if result is None or encoding.worker is not None:
            return
        try:
            source = source_of(result.image)
        except AttnSegError as error:
            self._fail(str(error))
            return
        self.message.setText(WAIT)

        def returned(found: Any | Failed) -> None:
            if not self._life.ended and self._result is result:
                finished(found)

        frame, facts = self._frame(), result.record.provenance
        encoding.start(returned, source, frame, facts, MODELS)

    def _frame(self) -> int:
        assert self._result is not None
        return self._result.frame(self._viewer.dims.point)

    def _fail(self, error: str) -> None:
        self.message.setText(error)
        if (self._result, error) != self._told:  # one drag of a slider asks many times
            show_error(error)
        self._told = self._result, error

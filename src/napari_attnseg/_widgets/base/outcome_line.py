"""The one line that says what a run found, and its mark on the canvas."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from qtpy.QtWidgets import QLabel

from napari_attnseg._widgets.base.controls import Fold, restart, timer, wrapped_label
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.layers.outcome import (
    SPECK_TIP,
    CanvasMark,
    Outcome,
    expected_dice,
    is_loosened,
    outcome_of,
)
from napari_attnseg._widgets.layers.runs import ResultLayers, find_results
from napari_attnseg.hashing import array_sha256


class OutcomeLine(QLabel):
    """What the latest result of an image found, after every change of its mask.

    Parameters
    ----------
    viewer : napari.Viewer
        Its layers, dims and text overlay.
    life : Lifetime
        Ends the connections to the viewer.

    Attributes
    ----------
    details : Fold
        What the expected Dice means, to be laid out below; hidden where there is none.
    """

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        super().__init__()
        self._meaning = wrapped_label()
        self.details = Fold("Details of the expected Dice", self._meaning)
        self.details.hide()
        self.setWordWrap(True)
        font = self.font()
        font.setBold(True)
        self.setFont(font)
        self.hide()
        self._viewer, self._life = viewer, life
        self._mark = CanvasMark(viewer)
        self._image: Any = None
        self._mask: Any = None
        self._known: tuple[Any, Outcome] | None = None
        # Many events come with one change, and a brush paints many times.
        self._soon = timer(50, self._tell)
        grid = viewer.canvas.grid.events.enabled
        for event in (viewer.dims.events.current_step, grid):
            event.connect(self._changed)
            life.at_end.append(partial(event.disconnect, self._changed))
        life.at_end += [self._mark.take_away, self._let_go]

    def follow(self, image: Any) -> None:
        """Say it of the latest result of this image; None: of nothing."""
        self._image = image
        results = [] if image is None else find_results(self._viewer.layers)
        masks = [one.mask for one in results if one.image is image]
        self._watch(masks[0] if masks else None)
        self._changed()

    def _watch(self, mask: Any) -> None:
        if mask is self._mask:
            return
        for connect, layer in (("disconnect", self._mask), ("connect", mask)):
            if layer is not None:
                events = layer.events
                for event in (events.paint, events.set_data, events.visible):
                    getattr(event, connect)(self._changed)
        self._mask = mask

    def _let_go(self) -> None:
        """Disconnect from the mask."""
        self._watch(None)

    def _changed(self, event: Any = None) -> None:
        if not self._life.ended:
            restart(self._soon)

    def _result(self) -> ResultLayers | None:
        for one in find_results(self._viewer.layers):
            if self._mask is not None and one.mask is self._mask:
                return one
        return None

    def _tell(self) -> None:
        result = None if self._life.ended else self._result()
        if result is None:
            self._mark.take_away()
            if not self._life.ended:
                self.hide()
                self.details.hide()
            return
        frame = result.frame(self._viewer.dims.point)
        data = result.mask.data
        mask = np.asarray(data[frame] if result.stacked else data)
        loosened = is_loosened(result)
        box = result.record.box
        key = (array_sha256(mask), loosened, box)
        if self._known is None or self._known[0] != key:
            self._known = key, outcome_of(mask, loosened, box)
        outcome = self._known[1]
        several = result.stacked and len(data) > 1
        where = f"Slice {frame}: " if several else ""
        expected = expected_dice(result, frame, mask)
        sentence = "" if expected is None else expected.sentence
        self.setText(
            f"{where}{outcome.sentence}" + (f"\n{sentence}" if sentence else "")
        )
        self.setToolTip(SPECK_TIP if outcome.specks else "")
        self.show()
        self._meaning.setText(expected.details if expected and sentence else "")
        self.details.setVisible(bool(sentence))
        seen = result.mask.visible and not self._viewer.canvas.grid.enabled
        self._mark.show(outcome if seen else None, result.name)

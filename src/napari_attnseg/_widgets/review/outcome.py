"""What an outline cannot show of the reviewed mask, in the dock and on the canvas."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QLabel

from napari_attnseg._widgets.base.controls import restart, timer
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.layers.display import new_thumbnail
from napari_attnseg._widgets.layers.outcome import (
    CanvasMark,
    Found,
    Outcome,
    outcome_of,
)
from napari_attnseg._widgets.review.screen import CaseScreen


def covers_words(labels: NDArray[np.integer[Any]] | None) -> str:
    """Sentence on a mask (H, W) that covers nearly all of its frame; else empty."""
    if labels is None or (outcome := _outcome(labels)).found is not Found.EVERYTHING:
        return ""
    return f"{outcome.sentence}."


class ReviewedOutcome:
    """Says that the mask on screen is empty, or covers all of its frame or nearly.

    Parameters
    ----------
    viewer : napari.Viewer
        Viewer whose text overlay is used.
    life : Lifetime
        Ends the connection to the viewer.
    screen : CaseScreen
    line : QLabel
        Line in the dock; hidden where there is nothing to say.
    """

    def __init__(
        self, viewer: Any, life: Lifetime, screen: CaseScreen, line: QLabel
    ) -> None:
        self._viewer, self._life = viewer, life
        self._screen, self._line = screen, line
        self._mark = CanvasMark(viewer)
        # A brush paints many times, and napari tells of a fill before it is done.
        self._soon = timer(50, self.tell)
        grid = viewer.canvas.grid.events.enabled
        grid.connect(self.follow)
        life.at_end += [partial(grid.disconnect, self.follow), self.take_away]

    def follow(self, event: Any = None) -> None:
        """Tell anew, soon after the mask was changed, shown or hidden."""
        if not self._life.ended:
            restart(self._soon)

    def tell(self) -> None:
        """Tell anew what the mask on screen covers."""
        mask, labels = self._screen.layers.mask, self._screen.seen_labels
        if self._life.ended or labels is None:
            self.take_away()
            return
        outcome = _outcome(labels)
        told = outcome.found is not Found.OBJECTS
        self._line.setText(f"{outcome.sentence}." if told else "")
        self._line.setVisible(told)
        seen = mask.visible and not self._viewer.canvas.grid.enabled
        self._mark.show(outcome if seen else None, mask.name)
        new_thumbnail(mask, 0)  # napari makes none after a fill

    def take_away(self) -> None:
        """Say nothing."""
        with suppress(RuntimeError):  # napari is closing, and has no canvas any more
            self._mark.take_away()
        if not self._life.ended:
            self._line.setText("")
            self._line.hide()


def _outcome(labels: NDArray[np.integer[Any]]) -> Outcome:
    # As of a mask made by hand: Review does not know what to blame for it.
    return outcome_of(labels, by_hand=True)

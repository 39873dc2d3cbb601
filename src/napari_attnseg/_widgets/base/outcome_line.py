"""The line on what a run found, and its mark on the canvas."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import Signal  # type: ignore[attr-defined]  # PyQt6's stubs
from qtpy.QtWidgets import QLabel

from napari_attnseg._widgets.base.controls import Fold, restart, timer, wrapped_label
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.layers.metadata import is_image
from napari_attnseg._widgets.layers.outcome import (
    SPECK_TIP,
    CanvasMark,
    Outcome,
    by_hand_words,
    expected_dice,
    first_of_all,
    found_in,
    is_loosened,
    is_missing,
)
from napari_attnseg._widgets.layers.own_image import is_wanted, spoken_of
from napari_attnseg._widgets.layers.pixels import changes_of
from napari_attnseg._widgets.layers.runs import ResultLayers, find_results
from napari_attnseg.cards import weights_hash
from napari_attnseg.errors import AttnSegError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.reliability.estimate import estimate_of

NO_LONGER = "The expected Dice was that of the model's own mask."


class OutcomeLine(QLabel):
    """Line on the latest result of the image in view, kept up to date.

    The line names the image if it is not the chosen one, or if several are in view. If
    the result was made with other weights than the chosen ones, the line says so.

    Parameters
    ----------
    viewer : napari.Viewer
        Viewer whose layers, slider and text overlay are used.
    life : Lifetime
        Ends the connections to the viewer.

    Attributes
    ----------
    details : Fold
        Fold below the line with the meaning of the expected Dice; hidden without one.
    image : Image or None
        The image that the line is about.
    mask : Labels or None
        Mask of its latest result.
    named : bool
        Whether the line names the image.
    """

    #: The line was made anew: `image`, `mask` and `named` may have changed.
    told = Signal()

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
        self._chosen: Any = None
        self._weights = ""
        self.image: Any = None
        self.mask: Any = None
        self.named = False
        self._known: tuple[Any, Outcome] | None = None
        # Many events come with one change, and a brush paints many times.
        self._soon = timer(50, self._tell)
        grid = viewer.canvas.grid.events.enabled
        for event in (viewer.dims.events.current_step, grid):
            event.connect(self._changed)
            life.at_end.append(partial(event.disconnect, self._changed))
        life.at_end += [self._mark.take_away, self._let_go]

    def follow(self, chosen: Any, weights: Path | None = None) -> None:
        """Describe this image if it is in view; `weights` are those of the next run."""
        self._chosen, self._weights = chosen, ""
        if weights is not None:
            with suppress(AttnSegError):
                self._weights = weights_hash(weights)
        for layer in self._viewer.layers:
            if is_image(layer):
                layer.events.visible.disconnect(self._changed)
                layer.events.visible.connect(self._changed)
        self._find()
        self._changed()

    def _find(self) -> ResultLayers | None:
        """The result that is spoken of: the latest on screen, or else the latest."""
        self.image, self.named = spoken_of(self._viewer, self._chosen)
        results = [] if self.image is None else find_results(self._viewer.layers)
        of_image = [one for one in results if one.image is self.image]
        # In Inspect an earlier one may have been put in its place.
        masked = [one for one in of_image if one.mask is not None]
        on_screen = [one for one in masked if is_wanted(one.mask)]
        spoken = (on_screen or of_image)[:1]
        with_mask = [one for one in spoken if one.mask is not None]
        self._watch(with_mask[0].mask if with_mask else None)
        return with_mask[0] if with_mask else None

    def _watch(self, mask: Any) -> None:
        if mask is self.mask:
            return
        for connect, layer in (("disconnect", self.mask), ("connect", mask)):
            if layer is not None:
                for event in (*changes_of(layer), layer.events.visible):
                    getattr(event, connect)(self._changed)
        self.mask = mask

    def _let_go(self) -> None:
        """Disconnect from the mask and the images."""
        self._watch(None)
        for layer in self._viewer.layers:
            layer.events.visible.disconnect(self._changed)

    def _make_room(self) -> None:
        """Lay the dock out now: a canvas that draws many cells keeps Qt busy before."""
        parent = self.parentWidget()
        while parent is not None and (layout := parent.layout()) is not None:
            layout.activate()
            parent = parent.parentWidget()

    def _changed(self, event: Any = None) -> None:
        if not self._life.ended:
            restart(self._soon)

    def _heading(self, result: ResultLayers) -> str:
        """Text that stands before the findings of a result."""
        names = [result.name] if self.named else []
        if self._weights and result.record.run_id.weights_sha256 != self._weights:
            names.append("with other weights" if names else "With other weights")
        return f"{', '.join(names)}: " if names else ""

    def _tell(self) -> None:
        if self._life.ended:
            self._mark.take_away()
            return
        result = self._find()
        self.told.emit()
        if result is None:
            self._mark.take_away()
            self.hide()
            self.details.hide()
            return
        frame = result.frame(self._viewer.dims.point)
        data = result.mask.data
        mask = np.asarray(data[frame] if result.stacked else data)
        missing, loosened = is_missing(result, frame, mask), is_loosened(result)
        by_hand = by_hand_words(result, frame, mask)
        key = (array_sha256(mask), loosened, result.record.box, missing, bool(by_hand))
        if self._known is None or self._known[0] != key:
            self._known = key, found_in(result, frame, mask)
        outcome = self._known[1]
        several = result.stacked and len(data) > 1
        where = f"Slice {frame}: " if several else ""
        expected = expected_dice(result, frame, mask)
        sentence = "" if expected is None else expected.sentence
        if by_hand:
            known = estimate_of(result.record.provenance, frame)
            had_number = known is not None and known.mean is not None
            sentence = f"{by_hand} {NO_LONGER}" if had_number else by_hand
        self.setText(
            f"{self._heading(result)}{where}{first_of_all(result, frame)}"
            f"{outcome.sentence}" + (f"\n{sentence}" if sentence else "")
        )
        self.setToolTip(SPECK_TIP if outcome.specks else "")
        self.show()
        self._meaning.setText(expected.details if expected and sentence else "")
        self.details.setVisible(bool(self._meaning.text()))
        self._make_room()
        seen = result.mask.visible and not self._viewer.canvas.grid.enabled
        self._mark.show(outcome if seen else None, result.name)

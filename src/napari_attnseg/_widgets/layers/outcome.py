"""Summarise a mask: how much it covers, or that it is empty or full. No Qt."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg.boxes import Box
from napari_attnseg.corrections.clicks import CLICKS
from napari_attnseg.corrections.session import clicks_words
from napari_attnseg.hashing import array_sha256
from napari_attnseg.masks import object_sizes, rules_of
from napari_attnseg.reliability.estimate import (
    UNLIKE_FIRST,
    EstimateState,
    ExpectedDice,
    estimate_or_why_none,
)

#: Share of the frame; a smaller object is a speck where there is a larger one.
SPECK = 0.0002
#: Share of the frame from which on a mask is asked about: its outline is that of its
#: holes, which look like lesions.
NEARLY_ALL = 0.9
#: Characters of a line on the canvas of a small window.
MARK_LINE = 20
NOT_SEGMENTED = "Not segmented"
#: Of a mask that a person emptied.
EMPTIED = "The mask is empty"
SPECK_TIP = (
    f"A speck is an object of less than {100 * SPECK:g} % of the frame. To drop small "
    "objects, use Drop below in Inspect."
)


class Found(StrEnum):
    """Content of a mask; only of `OBJECTS` does an outline show the content."""

    OBJECTS = "objects"
    NOTHING = "nothing"
    #: The whole frame or nearly, see `NEARLY_ALL`; inside a box all of the box.
    EVERYTHING = "everything"
    #: The frame was not segmented.
    NOT_DONE = "not done"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Summary of the mask of one frame.

    Attributes
    ----------
    found : Found
    objects : int
        Number of connected objects, without the specks.
    area, total : int
        Pixels of the mask and of the frame.
    loosened : bool
        Whether the threshold is lower than the one that the model came with.
    boxed : bool
        Whether only a box was segmented; then `total` is the number of pixels in the
        box.
    specks, largest_speck : int
        Number of objects smaller than `SPECK` beside larger ones, and pixels of the
        largest of these specks.
    by_hand : bool
        Whether a person changed the mask since it was made: then neither weights nor
        threshold are to blame for it.
    """

    found: Found
    objects: int
    area: int
    total: int
    loosened: bool = False
    boxed: bool = False
    specks: int = 0
    largest_speck: int = 0
    by_hand: bool = False

    @property
    def mark(self) -> str:
        """Short text for the canvas, where a sentence would be cut off."""
        if self.found is Found.NOT_DONE:
            return NOT_SEGMENTED
        if self.found is Found.NOTHING:
            return self._nothing
        return "The mask fills the box" if self.boxed else self._covers

    @property
    def _nothing(self) -> str:
        if self.by_hand:
            return EMPTIED
        return "Nothing found inside the box" if self.boxed else "Nothing found"

    @property
    def _covers(self) -> str:
        if self.area >= self.total:
            return "The mask covers the whole frame"
        share = math.floor(1000 * self.area / self.total) / 10  # never up to 100
        return f"The mask covers {share:.1f} % of the frame"

    @property
    def sentence(self) -> str:
        """Describe the mask in one line."""
        if self.found is Found.NOT_DONE:
            return NOT_SEGMENTED
        if self.found is Found.NOTHING or (
            self.found is Found.EVERYTHING and self.by_hand
        ):
            return self.mark
        if self.boxed and self.found is Found.EVERYTHING:
            return "The mask fills the box: draw a larger one to see where it ends"
        if self.found is Found.EVERYTHING:
            why = "the threshold is too low" if self.loosened else ""
            may = "do" if self.area >= self.total else "may"
            why = why or f"these weights {may} not fit this image"
            return f"{self._covers}: {why}"
        objects = "1 object" if self.objects == 1 else f"{self.objects} objects"
        pixels = (
            "1 pixel" if self.largest_speck == 1 else f"{self.largest_speck} pixels"
        )
        if self.specks == 1:
            objects += f" and 1 speck of {pixels}"
        elif self.specks:
            objects += f" and {self.specks} specks of at most {pixels}"
        share = 100 * self.area / self.total
        shown = f"{share:.1f}" if share >= 0.1 else "less than 0.1"
        if self.boxed:
            return f"{objects}, {shown} % of the box; inside the box only"
        return f"{objects}, {shown} % of the frame"


def outcome_of(
    mask: NDArray[np.integer[Any]],
    loosened: bool = False,
    box: Box | None = None,
    by_hand: bool = False,
) -> Outcome:
    """Summarise the mask (H, W) of one frame.

    If the run was inside a box, the box counts as the frame. The other parameters are
    attributes of the outcome.
    """
    sizes = object_sizes(mask)
    area = int(sizes.sum())
    total = mask.size if box is None else math.prod(box.shape)
    found = Found.OBJECTS
    if area == 0 or area >= (total if box is not None else NEARLY_ALL * total):
        found = Found.EVERYTHING if area else Found.NOTHING
    small = sizes[sizes < SPECK * total]
    if len(small) == len(sizes):  # nothing larger beside them
        small = small[:0]
    return Outcome(
        found,
        len(sizes) - len(small),
        area,
        total,
        loosened,
        box is not None,
        len(small),
        int(small.max(initial=0)),
        by_hand,
    )


def not_segmented(mask: NDArray[np.integer[Any]]) -> Outcome:
    """Summary of a frame that a run left out, or has not reached yet."""
    return Outcome(Found.NOT_DONE, 0, 0, mask.size)


def is_missing(
    result: ResultLayers, frame: int, mask: NDArray[np.integer[Any]]
) -> bool:
    """Whether a frame was not segmented, and nobody drew a mask (H, W) there."""
    return not result.record.is_done(frame) and not bool(mask.any())


def found_in(
    result: ResultLayers, frame: int, mask: NDArray[np.integer[Any]]
) -> Outcome:
    """Summarise the mask (H, W) that a result shows in one frame."""
    if is_missing(result, frame, mask):
        return not_segmented(mask)
    by_hand = is_changed_by_hand(result, frame, mask)
    return outcome_of(mask, is_loosened(result), result.record.box, by_hand)


def expected_dice(
    result: ResultLayers, frame: int, mask: NDArray[np.integer[Any]]
) -> ExpectedDice | None:
    """Expected Dice of what a mask layer shows, or the reason of no number.

    None if a person changed the mask, or there is no expected Dice of these weights.

    Parameters
    ----------
    result : ResultLayers
    frame : int
        Frame of a stack.
    mask : ndarray, shape (H, W)
        Mask of that frame, from its layer.
    """
    record = result.record
    found = estimate_or_why_none(record.provenance, frame)
    if found is None or record.derivation is not None:
        return None
    made = record.mask_sha256
    return found if made and not is_changed_by_hand(result, frame, mask) else None


def is_changed_by_hand(
    result: ResultLayers, frame: int, mask: NDArray[np.integer[Any]]
) -> bool:
    """Whether the mask (H, W) of a frame was painted or clicked in since it was made.

    A frame that was not segmented counts as changed as soon as its mask has a pixel.
    """
    made = result.record.mask_sha256
    if not made:
        return False  # an older file does not say
    known = made[frame if len(made) > 1 else 0]
    return array_sha256(mask) != known if known else bool(mask.any())


def by_hand_words(
    result: ResultLayers, frame: int, mask: NDArray[np.integer[Any]]
) -> str:
    """Sentence on what a person changed in the mask (H, W) of a frame; else empty."""
    if not is_changed_by_hand(result, frame, mask):
        return ""
    facts = result.record.provenance.get(CLICKS)
    now = {frame if result.stacked else None: array_sha256(mask)}
    clicks = clicks_words(facts, now)
    return f"Corrected by {clicks}." if clicks else "Edited by hand."


def first_of_all(result: ResultLayers, frame: int) -> str:
    """Line that stands above what was found, if the image is unlike the known ones."""
    found = estimate_or_why_none(result.record.provenance, frame)
    unlike = found is not None and found.state is EstimateState.UNLIKE
    return f"{UNLIKE_FIRST}\n" if unlike else ""


def is_loosened(result: ResultLayers) -> bool:
    """Whether a mask was made with a lower threshold than the model's own."""
    now = rules_of(result.record.provenance)
    return now.threshold < result.record.threshold


class CanvasMark:
    """Text on the canvas that says what an outline cannot show.

    It is not a QObject, because it outlives the widget. Text that other code shows
    there stays.

    Parameters
    ----------
    viewer : napari.Viewer
        Viewer whose text overlay is used.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._text = ""

    def show(self, outcome: Outcome | None, name: str) -> None:
        """Write that the mask of image `name` is empty or covers all, if so."""
        if outcome is None or outcome.found is Found.OBJECTS:
            self.take_away()
            return
        overlay = self._viewer.canvas.overlays.text
        # In lines that a small canvas holds; the dock says it in full.
        short = name if len(name) <= MARK_LINE else f"{name[: MARK_LINE - 1]}…"
        mark = outcome.mark.replace(" %", "\N{NO-BREAK SPACE}%")
        lines = [*textwrap.wrap(mark, MARK_LINE), short]
        text = "\n".join(lines)
        # That of another dock of this plugin may say the same.
        if overlay.visible and overlay.text not in ("", self._text, text):
            return
        self._text = overlay.text = text
        overlay.position = "top_left"
        overlay.font_size = 11
        overlay.visible = True

    def take_away(self) -> None:
        """Remove the text, if the viewer still shows it."""
        overlay = self._viewer.canvas.overlays.text
        if self._text and overlay.text == self._text:
            overlay.visible = False
            overlay.text = ""
        self._text = ""

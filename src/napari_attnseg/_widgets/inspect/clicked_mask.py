"""A mask layer that is corrected by clicks. No Qt, no torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.inspect.tips import CORRECTORS, HOW, NO_IMAGE, OF_A_BOX
from napari_attnseg._widgets.layers.display import redraw
from napari_attnseg._widgets.layers.metadata import record_of, set_record
from napari_attnseg._widgets.layers.outcome import is_changed_by_hand
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg.corrections.clicks import (
    CLICKS,
    Click,
    ClickKind,
    counted,
    kind_of,
)
from napari_attnseg.corrections.reach import drawn_box
from napari_attnseg.corrections.rules import Corrector, corrector_facts
from napari_attnseg.corrections.session import (
    ClickSession,
    changing_clicks,
    clicks_by,
    clicks_in,
    last_mask,
    repeats,
    with_clicks,
)
from napari_attnseg.hashing import array_sha256
from napari_attnseg.masks import make_mask, rules_of

#: Why earlier clicks cannot be undone, of one and of several.
OTHER_WAY = (
    "Undo is grey: {these} made with another choice in Correct by; choose that one to "
    "undo {them}."
)
CHANGED_SINCE = "Undo is grey: the mask was painted in or changed after {these} made."


def _idle_words(click: Click) -> str:
    """Say what a click, line or box that changed nothing is good for."""
    if click.empties:
        return "Nothing that may be removed is in this box."
    if click.box is not None:  # it names no pixels that it could protect
        return "Nothing more was found to add in this box; nothing was changed."
    return (
        f"The mask is already right there: this {kind_of(click)} protects it from "
        "later corrections nearby."
    )


def why_no_clicks(result: ResultLayers) -> str:
    """Reason why a result cannot be corrected by clicks; empty if it can."""
    if result.record.box is not None:
        return OF_A_BOX
    return NO_IMAGE if result.image is None else ""


class ClickedMask:
    """Writes clicks on one frame of a result into its mask layer and their record.

    Parameters
    ----------
    result : ResultLayers
        Result with a mask and its probability.
    """

    def __init__(self, result: ResultLayers) -> None:
        self.result = result
        self.session: ClickSession | None = None
        #: Clicks before the session, which cannot be undone one by one, and why.
        self._earlier: tuple[Click, ...] = ()
        self._not_undone = ""
        #: Whether the mask was painted by hand before the session.
        self._painted = False

    def key(self, frame: int) -> int | None:
        """Frame of a stack; None for a single image."""
        return frame if self.result.stacked else None

    def mask(self, frame: int) -> NDArray[np.uint8]:
        """Mask (H, W) of a frame, as it is in its layer."""
        data = self.result.mask.data
        return np.asarray(data[frame] if self.result.stacked else data)

    def clicks(self, frame: int) -> tuple[Click, ...]:
        """Clicks by which the mask of a frame was corrected."""
        if self.session is not None:
            return self._earlier + self.session.clicks
        facts = self.result.record.provenance.get(CLICKS)
        return clicks_in(facts, self.key(frame))

    @property
    def can_undo(self) -> bool:
        """Whether there is a click to undo."""
        return self.session is not None and bool(self.session.clicks)

    def describe(self, frame: int) -> str:
        """Sentence on how to click, or on number and reach of what changed the mask."""
        assert self.session is not None
        changed = self.session.changed
        if changed and not changed[-1]:
            return _idle_words(self.session.clicks[-1])
        facts = self.result.record.provenance.get(CLICKS)
        clicks = changing_clicks(facts, self.key(frame))
        if self._earlier and not self.can_undo:
            return f"{self._said(clicks)} {self._why_not_undone()}"
        return self._said(clicks)

    def _said(self, clicks: tuple[Click, ...]) -> str:
        assert self.session is not None
        corrector = self.session.corrector
        reach = round(max(corrector.reach))
        if not clicks:
            name = CORRECTORS.get(corrector.name, corrector.name)
            return f"{HOW} A click changes up to {reach} px around it ({name})."
        said, kinds = counted(clicks), {kind_of(click) for click in clicks}
        where = "it" if len(clicks) == 1 else "them"
        limit = f"farther than {reach} px from {where}"
        if ClickKind.BOX not in kinds:
            return f"{said}; nothing {limit} was changed."
        if len(kinds) > 1:
            limit = f"outside the boxes and {limit}"
        else:
            limit = f"outside {where}"
        return f"{said}; nothing {limit} was changed.{self._kept_in_box(clicks[-1])}"

    def _why_not_undone(self) -> str:
        one = len(self._earlier) == 1
        these, them = ("this click was", "it") if one else ("these clicks were", "them")
        return self._not_undone.format(these=these, them=them)

    def _kept_in_box(self, click: Click) -> str:
        """Say what stays in the box that was to be emptied last."""
        assert self.session is not None
        if not click.empties:
            return ""
        inside = self.session.mask[drawn_box(click)] == click.class_number
        kept = int(inside.sum())
        return f" {kept:,} px in it stay, which you marked." if kept else ""

    def forget_if_changed(self, frame: int) -> None:
        """End the session if the mask was painted or recomputed."""
        session = self.session
        if session is not None and not np.array_equal(session.mask, self.mask(frame)):
            self.session = None

    def begin(self, corrector: Corrector, frame: int) -> None:
        """Begin with the present mask; recorded clicks are repeated if possible."""
        mask, facts = self.mask(frame), self.result.record.provenance
        known = clicks_in(facts.get(CLICKS), self.key(frame))
        session = None
        by = clicks_by(facts.get(CLICKS), self.key(frame))
        same = all(one == corrector_facts(corrector) for one, _ in by)
        self._not_undone = CHANGED_SINCE if same else OTHER_WAY
        if known and same:
            start = make_mask(self.result.probabilities(frame), rules_of(facts))
            session = repeats(corrector, start, mask, known)
        self._earlier = () if session is not None else known
        self.session = session or ClickSession(corrector, mask)
        # What a session repeats was clicked on the mask that the run made.
        left = last_mask(facts.get(CLICKS), self.key(frame)) if known else ""
        if session is not None:
            self._painted = False
        elif left:
            self._painted = left != array_sha256(mask)
        else:
            self._painted = is_changed_by_hand(self.result, frame, mask)

    def add(self, click: Click, frame: int) -> None:
        """Correct the mask by one more click; pixels that agree with it stay."""
        assert self.session is not None
        self.session.add(click)
        # What a click did is to be seen.
        self.result.mask.visible = True
        self._write(frame)

    def undo(self, frame: int, every: bool = False) -> None:
        """Undo the last click of the session, or all clicks."""
        if self.session is not None and self.session.clicks:
            self.session.clear() if every else self.session.undo()
            self._write(frame)

    def _write(self, frame: int) -> None:
        assert self.session is not None
        layer, key = self.result.mask, self.key(frame)
        record = record_of(layer)
        if record is not None:
            known = record.provenance.get(CLICKS)
            corrector, clicks = self.session.corrector, self.clicks(frame)
            kept = len(self._earlier)
            left = array_sha256(self.session.mask)
            facts: Any = with_clicks(
                known,
                corrector,
                clicks,
                key,
                kept,
                left,
                self._painted,
                self.session.changed,
            )
            set_record(layer, record.with_provenance(**{CLICKS: facts}))
        redraw(layer, self.session.mask, key)

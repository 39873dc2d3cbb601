"""Derive the state of each case from the events of a review."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.hashing import array_sha256


class Event(StrEnum):
    """Kinds of events.

    Attributes
    ----------
    SESSION
        The review was opened: version, order, number of cases.
    OPENED, LEFT
        A case was shown, or was left after some seconds on screen.
    SHOWN
        The mask or the maps, which were hidden at first, were shown.
    DECIDED, UNDONE
        A decision was made, or the last decision on a case was taken back.
    COMMENTED
        The comment on a case was changed; the event holds all of it.
    TAKEN_OVER
        The mask of a new result became the painted one: its model, weights and hash.
    AWAY, BACK
        Another window became the active one, or this window did again.
    """

    SESSION = "session"
    OPENED = "opened"
    LEFT = "left"
    SHOWN = "shown"
    DECIDED = "decided"
    UNDONE = "undone"
    COMMENTED = "commented"
    TAKEN_OVER = "taken over"
    AWAY = "away"
    BACK = "back"


class Decision(StrEnum):
    """Kinds of decisions on a mask."""

    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision.

    Attributes
    ----------
    decision : Decision
    mask : str or None
        Path of the accepted or painted mask, relative to the review's file; None after
        a rejection, or if there is no mask.
    mask_sha256 : str or None
        Hash of its labels; see `labels_sha256`.
    mask_value : int or None
        Value of the first class in the file; see `mask_file.read_mask`.
    """

    decision: Decision
    mask: str | None = None
    mask_sha256: str | None = None
    mask_value: int | None = None


@dataclass(slots=True)
class CaseState:
    """State of a case.

    Attributes
    ----------
    decisions : list of Decided
        Decisions that were not taken back; the last one counts.
    comment : str
    image_sha256 : str or None
        Hash of the pixels when the case was opened last.
    masks : list of str
        Every mask that was ever painted of this case, the latest last.
    taken_over : set of str
        Hashes of the masks of results that were taken over.
    """

    decisions: list[Decided] = field(default_factory=list)
    comment: str = ""
    image_sha256: str | None = None
    masks: list[str] = field(default_factory=list)
    taken_over: set[str] = field(default_factory=set)

    @property
    def painted(self) -> Decided | None:
        """The latest correction that was not taken back, even if rejected later."""
        corrected = (d for d in reversed(self.decisions) if d.mask in self.masks)
        return next(corrected, None)

    @property
    def last(self) -> Decided | None:
        """Decision that counts, which is the last one."""
        return self.decisions[-1] if self.decisions else None

    @property
    def decision(self) -> Decision | None:
        """Kind of the decision that counts; None: the case is open."""
        return None if self.last is None else self.last.decision

    def take(self, event: Mapping[str, Any]) -> None:
        """Add an event of this case."""
        kind = event.get("event")
        if kind == Event.OPENED:
            self.image_sha256 = event.get("image_sha256", self.image_sha256)
        elif kind == Event.COMMENTED:
            self.comment = str(event.get("comment", ""))
        elif kind == Event.TAKEN_OVER:
            self.taken_over.add(str(event.get("mask_sha256")))
        elif kind == Event.UNDONE and self.decisions:
            self.decisions.pop()
        elif kind == Event.DECIDED and event.get("decision") in set(Decision):
            self._decide(
                Decided(
                    Decision(event["decision"]),
                    event.get("mask"),
                    event.get("mask_sha256"),
                    event.get("mask_value"),
                )
            )

    def _decide(self, new: Decided) -> None:
        last = self.last
        painted = new.decision is Decision.CORRECTED
        if painted and new.mask is not None and new.mask not in self.masks:
            self.masks.append(new.mask)
        # Stroke after stroke in one mask is one decision.
        if last is not None and (last.decision, last.mask) == (new.decision, new.mask):
            self.decisions.pop()
        self.decisions.append(new)


def labels_sha256(labels: NDArray[Any]) -> str:
    """Hash of a mask's labels, whatever type they are kept in."""
    return array_sha256(np.asarray(labels).astype(np.int32))


def states_of(events: Iterable[Mapping[str, Any]]) -> dict[str, CaseState]:
    """State of each case that an event names."""
    found: dict[str, CaseState] = {}
    for event in events:
        if "case" in event:
            found.setdefault(str(event["case"]), CaseState()).take(event)
    return found


def last_decided(events: Iterable[Mapping[str, Any]]) -> str | None:
    """The case of the latest decision that was not taken back."""
    open_: list[str] = []
    masks: dict[str, list[tuple[Any, Any]]] = {}
    for event in events:
        case = str(event.get("case"))
        stack = masks.setdefault(case, [])
        if event.get("event") == Event.DECIDED:
            new = (event.get("decision"), event.get("mask"))
            if not stack or stack[-1] != new:
                stack.append(new)
                open_.append(case)
        elif event.get("event") == Event.UNDONE and stack:
            stack.pop()
            open_.reverse()
            open_.remove(case)
            open_.reverse()
    return open_[-1] if open_ else None

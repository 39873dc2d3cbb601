"""Clicks on one mask, one after another, with undo. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from itertools import groupby
from typing import Any

import numpy as np

from napari_attnseg.corrections.clicks import (
    Click,
    clicks_from_json,
    clicks_to_json,
    counted,
    expect_clicks,
)
from napari_attnseg.corrections.reach import change_box
from napari_attnseg.corrections.rules import (
    Corrector,
    Mask,
    apply_click,
    corrector_facts,
)

#: Key, of a click in provenance, of its corrector's facts where another one came later.
BY = "by"
#: Keys, of a click in provenance: hash of the mask that it was the last click on, and
#: whether the mask had been painted by hand before it.
_LEFT, _PAINTED = "mask_sha256", "after_painting"
#: Key, of a click in provenance that changed no pixel; an older file does not say.
_IDLE = "changed_nothing"


class _Painting(Enum):
    """When a mask that was corrected by clicks was painted by hand."""

    NONE = auto()
    PERHAPS = auto()
    AFTERWARDS = auto()
    TOO = auto()


_PAINTING_WORDS = {
    _Painting.NONE: "",
    _Painting.PERHAPS: ", and perhaps painted by hand",
    _Painting.AFTERWARDS: ", then painted by hand",
    _Painting.TOO: ", and painted by hand",
}


class ClickSession:
    """Mask that is corrected by clicks, each of which can be undone.

    Undoing restores what a click changed, so the mask is always that of
    `corrections.correct` with the clicks that are left.

    Parameters
    ----------
    corrector : Corrector
        Corrector of the image.
    start : ndarray of uint8, shape (H, W)
        Mask before the clicks; a copy is kept.
    clicks : sequence of Click
        Earlier clicks, which are repeated.

    Attributes
    ----------
    mask : ndarray of uint8, shape (H, W)
        Mask after all clicks. Do not change it from outside.

    Raises
    ------
    InputError
        If a click is outside the image.
    """

    def __init__(
        self, corrector: Corrector, start: Mask, clicks: Sequence[Click] = ()
    ) -> None:
        self.corrector = corrector
        self.mask = start.copy()
        self._clicks: list[Click] = []
        self._before: list[Mask] = []
        self._changed: list[bool] = []
        for click in clicks:
            self.add(click)

    @property
    def clicks(self) -> tuple[Click, ...]:
        """Every click so far, in order."""
        return tuple(self._clicks)

    @property
    def changed(self) -> tuple[bool, ...]:
        """Whether each click changed a pixel; others protect what is there."""
        return tuple(self._changed)

    def add(self, click: Click) -> None:
        """Change the mask by one more click."""
        expect_clicks([click], self.corrector.shape, self.corrector.classes)
        box = change_box(click, self.corrector.reach, self.mask.shape)
        before = self.mask[box].copy()
        apply_click(self.corrector, self.mask, [*self._clicks, click])
        self._clicks.append(click)
        self._before.append(before)
        self._changed.append(not np.array_equal(before, self.mask[box]))

    def undo(self) -> None:
        """Undo the last click, if there is one."""
        if self._clicks:
            box = change_box(self._clicks.pop(), self.corrector.reach, self.mask.shape)
            self.mask[box] = self._before.pop()
            self._changed.pop()

    def clear(self) -> None:
        """Undo all clicks."""
        while self._clicks:
            self.undo()


def repeats(
    corrector: Corrector, start: Mask, mask: Mask, clicks: Sequence[Click]
) -> ClickSession | None:
    """Return a session in which the clicks turn `start` into `mask`, or None.

    The result is None if the clicks do not lead to `mask`: somebody may have painted
    since, or another corrector may have been used.
    """
    session = ClickSession(corrector, start, clicks)
    return session if np.array_equal(session.mask, mask) else None


def clicks_in(facts: Any, frame: int | None = None) -> tuple[Click, ...]:
    """Read the clicks on a frame of a run from ``provenance["clicks"]``.

    Parameters
    ----------
    facts : mapping or None
    frame : int, optional
        Frame of a stack; None for a single image.
    """
    return clicks_from_json(_entries(facts, frame))


def changing_clicks(facts: Any, frame: int | None = None) -> tuple[Click, ...]:
    """Clicks of `clicks_in` that changed the mask, as far as is recorded."""
    own = _entries(facts, frame)
    return clicks_from_json(one for one in own if not one.get(_IDLE))


def clicks_by(
    facts: Any, frame: int | None = None
) -> list[tuple[dict[str, Any], tuple[Click, ...]]]:
    """Group the clicks of a frame by corrector: its facts, and its clicks in order.

    Parameters
    ----------
    facts : mapping or None
    frame : int, optional
        Frame of a stack; None for a single image.
    """
    if facts is None:
        return []
    last = _without_clicks(facts)
    groups = groupby(_entries(facts, frame), key=lambda one: one.get(BY, last))
    return [(dict(by), clicks_from_json(ones)) for by, ones in groups]


def with_clicks(
    facts: Any,
    corrector: Corrector | None,
    clicks: Sequence[Click],
    frame: int | None,
    kept: int = 0,
    mask_sha256: str = "",
    painted: bool = False,
    changed: Sequence[bool] = (),
) -> dict[str, Any] | None:
    """Replace the clicks on one frame in ``provenance["clicks"]``.

    Parameters
    ----------
    facts : mapping or None
        Content of ``provenance["clicks"]``; None: there were no clicks.
    corrector : Corrector or None
        Corrector that was used; None: the one that is recorded.
    clicks : sequence of Click
        Clicks on the frame.
    frame : int, optional
        Frame of a stack.
    kept : int
        Number of clicks at the beginning that are recorded already; they keep the
        corrector that is recorded with them.
    mask_sha256 : str
        Hash of the frame's mask after the last of the clicks.
    painted : bool
        Whether the mask was painted by hand before the first click that is not kept.
    changed : sequence of bool
        From `ClickSession.changed`, of the clicks that are not kept; empty: not known.
    """
    known = {"clicks": []} if facts is None else dict(facts)
    before = _without_clicks(known)
    now = before if corrector is None else corrector_facts(corrector)
    others: list[dict[str, Any]] = []
    earlier: list[dict[str, Any]] = []
    for one in known["clicks"]:
        by = one.get(BY, before)
        entry = {k: v for k, v in one.items() if k != BY}
        own = frame is None or one.get("frame") == frame
        (earlier if own else others).append(entry if by == now else {**entry, BY: by})
    added = [
        one if frame is None else {**one, "frame": frame}
        for one in clicks_to_json(clicks[kept:])
    ]
    for one, did in zip(added, changed, strict=False):
        if not did:
            one[_IDLE] = True
    if added and painted:
        added[0][_PAINTED] = True
    if added and mask_sha256:
        added[-1][_LEFT] = mask_sha256
    found = [*others, *earlier[:kept], *added]
    return {**now, "clicks": found} if found else None


def last_mask(facts: Any, frame: int | None = None) -> str:
    """Hash of a frame's mask after the last click on it; empty if it is not known."""
    own = _entries(facts, frame)
    return str(own[-1].get(_LEFT, "")) if own else ""


def clicks_words(facts: Any, masks: Mapping[int | None, str]) -> str:
    """Say how many clicks changed a mask, and whether it was painted by hand, too.

    Parameters
    ----------
    facts : mapping or None
        Content of ``provenance["clicks"]``.
    masks : mapping of (int or None) to str
        Hash of the mask of each changed frame, as it is now; the key is None for a
        single image.

    Returns
    -------
    str
        Words to follow "corrected by"; empty if no click that changed it is recorded.
    """
    clicks = counted(one for frame in masks for one in changing_clicks(facts, frame))
    if not clicks:
        return ""
    ways = {_painting(facts, *one) for one in masks.items()} - {_Painting.NONE}
    way = ways.pop() if len(ways) == 1 else _Painting.TOO if ways else _Painting.NONE
    return clicks + _PAINTING_WORDS[way]


def _painting(facts: Any, frame: int | None, now: str) -> _Painting:
    """How the mask of a frame, of which `now` is the hash, was painted by hand."""
    own, left = _entries(facts, frame), last_mask(facts, frame)
    if not own or any(one.get(_PAINTED) for one in own):
        return _Painting.TOO
    if not left:  # an older file does not say
        return _Painting.PERHAPS
    return _Painting.NONE if left == now else _Painting.AFTERWARDS


def _entries(facts: Any, frame: int | None) -> list[Mapping[str, Any]]:
    every = [] if facts is None else facts.get("clicks", [])
    return [one for one in every if frame is None or one.get("frame") == frame]


def _without_clicks(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key != "clicks"}

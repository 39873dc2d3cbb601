"""Review of a series by one reviewer; each decision is saved at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg import __version__
from napari_attnseg.errors import InputError
from napari_attnseg.reliability.estimate import EstimateState
from napari_attnseg.review.case import Case
from napari_attnseg.review.case_image import read_case
from napari_attnseg.review.cases import Order, Series
from napari_attnseg.review.corrected import CorrectedMasks, relative
from napari_attnseg.review.journal import expect_reader_name
from napari_attnseg.review.mask_file import ReadMask, read_mask
from napari_attnseg.review.own_mask import is_changed
from napari_attnseg.review.questions import question
from napari_attnseg.review.reviewed_mask import reviewed_mask
from napari_attnseg.review.state import (
    CaseState,
    Decided,
    Decision,
    Event,
    labels_sha256,
    last_decided,
    states_of,
)
from napari_attnseg.review.stopwatch import Stopwatch
from napari_attnseg.review.study import MASK, Study, as_begun, open_journal


class Review:
    """Cases of a review, their states, and their files.

    Parameters
    ----------
    series : Series
    reader : str
        Name or initials; each reviewer has a file of their own.
    study : Study, optional
        Settings of a reader study. A study that was begun before keeps its settings.
    now : callable
        Returns the seconds of a monotonic clock.

    Attributes
    ----------
    cases : tuple of Case
        In the order of this review.
    order : Order
    study : Study or None
    journal : Journal
    states : dict of str to CaseState
    told : list of str
        Sentences on what was found or repaired when the review was opened.

    Raises
    ------
    InputError
        If the name cannot be used, or the file cannot be read or written.
    """

    def __init__(
        self,
        series: Series,
        reader: str,
        study: Study | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.series, self.told = series, list[str]()
        reader = expect_reader_name(reader)
        self.journal = open_journal(series, reader, study)
        self.states: dict[str, CaseState] = states_of(self.journal.events)
        self.masks = CorrectedMasks(self.journal.path, self.states)
        self._watch = Stopwatch(now)
        self._current: Case | None = None
        self._file: Path | None = None
        self._pixels: NDArray[np.generic] | None = None
        self._seen: set[str] = set()
        #: Names of cases of results whose mask another program changed.
        self._not_own: set[str] = set()
        #: Name of a case → what seems wrong with the mask in its file.
        self._doubts: dict[str, str] = {}
        #: Case and hash of the mask that was asked about last, on this visit.
        self._asked: tuple[str, str] | None = None
        header = self.journal.header
        self.study = None
        self.cases, self.order = series.cases, series.order
        if "seed" in header:
            self.study = Study(int(header["seed"]), bool(header["hide_masks"]))
            self.cases, self.told = as_begun(series.cases, header["order"])
            self.order = Order.SHUFFLED
            if study is not None and study.seed not in (None, self.study.seed):
                self.told.append(
                    f"This study was begun with the seed {self.study.seed}, which "
                    f"is kept; {study.seed} is not used."
                )
        self._by_name = {case.name: case for case in self.cases}
        if self.journal.damaged:
            self.told.append(self.journal.damaged_words)
        about = {"order": str(self.order), "cases": len(self.cases)}
        self.journal.append(Event.SESSION, version=__version__, **about)
        self._recover()

    def _recover(self) -> None:
        """Mend what a killed process left between a mask and its event."""
        for name, file in self.masks.unrecorded():
            where = file.relative_to(self.journal.path.parent).as_posix()
            labels = read_mask(file, 1).labels
            self._record(
                name,
                Decided(Decision.CORRECTED, where, labels_sha256(labels), 1),
                recovered=True,
            )
            self.told.append(f"The mask that was being painted in {name} is kept.")
        self.told += self.masks.update_all(
            self._by_name, lambda case: read_case(case).pixels
        )

    def state(self, case: Case) -> CaseState:
        """State of a case."""
        return self.states.get(case.name, CaseState())

    def read_mask(self, case: Case) -> ReadMask | None:
        """Read the mask to show: the painted one, or else the one that is reviewed.

        Raises
        ------
        InputError
            If its file cannot be read, or is a result that was saved inverted, turned
            or mirrored.
        """
        painted = self.state(case).painted
        if painted is not None:
            return self.masks.read(painted)
        self._not_own.discard(case.name)  # it may have been put back
        try:
            found = reviewed_mask(case)
        except InputError:
            if case.mask is not None and case.mask.is_file():
                self._not_own.add(case.name)
            raise
        if found is None:
            return None
        if case.expected is not None and is_changed(case, found.labels):
            self._not_own.add(case.name)
        self._doubts[case.name] = found.doubt
        return found

    def look_ahead(self, case: Case) -> bool:
        """Read the mask of a case that the list gives an expected Dice.

        Returns whether the list changes by that: another program changed the mask. A
        slice of a stack waits until it is shown, since its file holds all slices.
        """
        known = case.name in self._not_own or self.state(case).painted is not None
        number = case.expected is not None and case.expected.mean is not None
        if known or not number or case.stack is not None or case.mask is None:
            return False
        try:
            found = read_mask(case.mask, case.mask_value, case.frame)
        except InputError:
            changed = case.mask.is_file()
        else:
            changed = is_changed(case, found.labels)
        if changed:
            self._not_own.add(case.name)
        return changed

    def known(self, case: Case) -> Case:
        """The case without an expected Dice if its mask is not what attnseg wrote.

        That is known once `read_mask` or `look_ahead` has read it.
        """
        if case.expected is None or case.name not in self._not_own:
            return case
        none = case.expected.none_because(EstimateState.CHANGED)
        return replace(case, expected=none)

    @property
    def done(self) -> int:
        """Number of decided cases."""
        return sum(self.state(case).decision is not None for case in self.cases)

    def hidden(self, case: Case) -> bool:
        """Whether the mask of a case is still hidden."""
        hides = self.study is not None and self.study.hide_masks
        return hides and case.name not in self._seen and not self.state(case).decisions

    def enter(
        self,
        case: Case,
        pixels: NDArray[np.generic] | None,
        sha256: str | None,
        mask: bool = True,
    ) -> str:
        """Show a case; the previous one is left, see `leave`.

        Parameters
        ----------
        case : Case
        pixels : ndarray or None
            Pixels of its image; None if that cannot be read.
        sha256 : str or None
            `array_sha256` of the pixels.
        mask : bool
            Whether there is a mask, which can be shown and hidden.
        """
        said = self.leave()
        self._watch.restart()
        self._current, self._pixels = case, pixels
        if not mask:
            self._seen.add(case.name)
        position = self.cases.index(case) + 1
        self._take(Event.OPENED, case.name, image_sha256=sha256, position=position)
        return said

    def leave(self) -> str:
        """Leave the case; return why its mask was not added to a training set."""
        case, pixels = self._current, self._pixels
        self._current = self._pixels = self._file = None
        self._asked = None
        if case is None:
            return ""
        self._take(Event.LEFT, case.name, **self._watch.facts)
        if pixels is None or not self.state(case).masks:
            return ""
        return self.masks.update(case, lambda: pixels)

    def pause(self) -> None:
        """Stop the clock of the case, while another window is active."""
        if not self._watch.paused:
            self._timed(Event.AWAY)
            self._watch.pause()

    def resume(self) -> None:
        """Start the clock of the case again, when the window is active again."""
        if self._watch.paused:
            self._timed(Event.BACK)
            self._watch.resume()

    def shown(self, what: str) -> None:
        """Record that mask or maps were shown for the first time on this visit."""
        if what == MASK and self._current is not None:
            self._seen.add(self._current.name)
        self._timed(Event.SHOWN, what=what)

    def _timed(self, kind: Event, **facts: Any) -> None:
        if self._current is not None:
            self._take(kind, self._current.name, **self._watch.facts, **facts)

    # -- decisions ---------------------------------------------------------------------

    def accept(
        self, case: Case, labels: NDArray[Any] | None, covers: str = ""
    ) -> Decision:
        """Accept the mask on screen; a painted mask stays a correction.

        Parameters
        ----------
        case : Case
        labels : ndarray of integer, shape (H, W), or None
            The mask on screen.
        covers : str
            Sentence on a mask that covers nearly all of its frame; else empty.

        Raises
        ------
        InputError
            If there is no mask, or it is still hidden; or once on a visit, to ask, if
            something seems wrong with the mask, or it covers nearly all of its frame,
            or was emptied.
        """
        state = self.state(case)
        self._expect_shown(case)
        if labels is None or (case.mask is None and state.painted is None):
            raise InputError(
                "There is no mask to accept; draw one (C), segment the image and take "
                "over that mask (O), or reject the case (R)."
            )
        self._ask(case, labels, covers)
        if state.painted is not None:
            if state.decision is not Decision.CORRECTED:
                self._record(case.name, state.painted)
            return Decision.CORRECTED
        assert case.mask is not None
        where = relative(case.mask, self.journal.path.parent)
        made = labels_sha256(labels), case.mask_value
        self._record(case.name, Decided(Decision.ACCEPTED, where, *made))
        return Decision.ACCEPTED

    def _ask(self, case: Case, labels: NDArray[Any], covers: str) -> None:
        painted = self.state(case).painted is not None
        doubt = "" if painted else self._doubts.get(case.name, "")
        asked = question(covers, doubt, painted and not labels.any())
        mask = case.name, labels_sha256(labels)
        if asked and mask != self._asked:
            self._asked = mask
            raise InputError(asked)

    def reject(self, case: Case) -> None:
        """Reject the mask of a case, or the case where there is none."""
        if case.mask is not None:
            self._expect_shown(case)
        self._record(case.name, Decided(Decision.REJECTED))

    def _expect_shown(self, case: Case) -> None:
        if self.hidden(case):
            raise InputError(
                "The mask of this case is still hidden; show it (S) before you decide."
            )

    def paint(self, case: Case, labels: NDArray[Any]) -> None:
        """Keep a painted mask as the correction of a case; call it after each stroke.

        Raises
        ------
        InputError
            If it cannot be written; what was saved before is kept.
        """
        if self._file is None:
            self._file = self.masks.new_file(case.name, labels)
        self._record(case.name, self.masks.write(self._file, labels))

    def took_over(self, case: Case, labels: NDArray[Any], run: dict[str, Any]) -> None:
        """Record that the painted mask is that of a new result: `run` says which.

        Parameters
        ----------
        case : Case
        labels : ndarray of integer, shape (H, W)
            The mask as it was painted.
        run : dict
            JSON-ready facts on the run that made it.
        """
        self._take(
            Event.TAKEN_OVER, case.name, mask_sha256=labels_sha256(labels), run=run
        )

    def undo(self) -> Case | None:
        """Take back the decision that was made last; returns its case.

        The painted mask of a correction stays among the painted masks, and leaves the
        training set.
        """
        name = last_decided(self.journal.events)
        if name is None:
            return None
        timed = self._current is not None and self._current.name == name
        self._take(Event.UNDONE, name, **(self._watch.facts if timed else {}))
        case = self._by_name.get(name)
        if case is not None and self.state(case).masks:
            self._file = None
            self.masks.update(case, lambda: read_case(case).pixels)
        return case

    def comment(self, case: Case, text: str) -> None:
        """Save the comment on a case, if it has changed."""
        if text.strip() != self.state(case).comment:
            self._take(Event.COMMENTED, case.name, comment=text.strip())

    def _record(self, case: str, new: Decided, recovered: bool | None = None) -> None:
        timed = self._current is not None and self._current.name == case
        self._take(
            Event.DECIDED,
            case,
            decision=str(new.decision),
            mask=new.mask,
            mask_sha256=new.mask_sha256,
            mask_value=new.mask_value,
            recovered=recovered,
            **(self._watch.facts if timed else {}),
        )

    def _take(self, kind: Event, case: str, **facts: Any) -> None:
        event = self.journal.append(kind, case=case, **facts)
        self.states.setdefault(case, CaseState()).take(event)

    def close(self) -> str:
        """Leave the case on screen and close the file; returns what `leave` does."""
        said = self.leave()
        self.journal.close()
        return said

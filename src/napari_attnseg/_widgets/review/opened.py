"""Open review, with its locked file and the images that are read ahead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QLockFile

from napari_attnseg.errors import InputError
from napari_attnseg.io.atomic import write_text
from napari_attnseg.review.ahead import Ahead
from napari_attnseg.review.case import Case
from napari_attnseg.review.cases import find_cases
from napari_attnseg.review.journal import SUFFIX, Journal, expect_reader_name
from napari_attnseg.review.session import Review
from napari_attnseg.review.study import Study, journal_path
from napari_attnseg.review.table import csv_text
from napari_attnseg.review.words import measure_words


class OpenReview:
    """A review, with the files and threads that it uses while it is open.

    Parameters
    ----------
    folder : Path
    masks : Path or None
    reader : str
    study : Study or None

    Attributes
    ----------
    review : Review
    ahead : Ahead
    told : str
        Remarks on the folder and the reviewer's file; may be empty.

    Raises
    ------
    InputError
        If there is nothing to review, or another window has the file open.
    """

    def __init__(
        self, folder: Path, masks: Path | None, reader: str, study: Study | None
    ) -> None:
        reader = expect_reader_name(reader)
        series = find_cases(folder, masks)
        self._lock = _locked(journal_path(folder, reader, study is not None))
        try:
            self.review = Review(series, reader, study)
        except BaseException:
            self._lock.unlock()
            raise
        self.ahead = Ahead()
        told = (series.left_out_words, *self.review.told)
        self.told = " ".join(sentence for sentence in told if sentence)

    @property
    def first(self) -> Case:
        """The first case that is not decided, or else the first case."""
        review = self.review
        still_open = (c for c in review.cases if review.state(c).decision is None)
        return next(still_open, review.cases[0])

    @property
    def blind(self) -> bool:
        """Whether names and numbers are hidden with the masks."""
        return self.review.study is not None and self.review.study.hide_masks

    def title(self, case: Case) -> str:
        """Name of a case on screen."""
        number = self.review.cases.index(case) + 1
        return f"case {number}" if self.blind else case.name

    def measure(self, case: Case) -> str:
        """The number beside a case in the list."""
        known, order = self.review.known(case), self.review.series.order
        return "" if self.blind else measure_words(known, order)

    def neighbour(
        self, case: Case, step: int, listed: Callable[[int], bool], open_only: bool
    ) -> Case | None:
        """The next or previous listed case; None at the end of the list.

        Parameters
        ----------
        case : Case
        step : int
            1 or -1.
        listed : callable
            Returns whether the case with a number is listed.
        open_only : bool
            Whether to skip decided cases, and to continue with the first case after the
            last.
        """
        review = self.review
        at, n = review.cases.index(case), len(review.cases)
        farthest = n if open_only else (n - at if step > 0 else at + 1)
        for distance in range(1, farthest):
            number = (at + step * distance) % n
            found = review.cases[number]
            is_open = review.state(found).decision is None
            if listed(number) and (is_open or not open_only):
                return found
        return None

    def export(self, path: Path) -> str:
        """Write a table with a row per reviewer and case; returns the reviewers' names.

        Raises
        ------
        InputError
            If a reviewer's file cannot be read, or the table cannot be written.
        """
        files = sorted(self.review.journal.path.parent.glob(f"*{SUFFIX}"))
        journals = [Journal(file) for file in files]
        write_text(path, csv_text(journals))
        return ", ".join(journal.reader for journal in journals)

    def close(self) -> str:
        """Close the file; return why a mask was not added to the training set."""
        try:
            return self.review.close()
        finally:
            self.ahead.close()
            self._lock.unlock()


def _locked(journal: Path) -> QLockFile:
    """Keep a second window from writing into the same reviewer's file."""
    try:
        journal.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"Decisions are saved in {journal.parent}, which cannot be written "
            f"({error.strerror}); copy the folder to a place where you may write."
        ) from error
    lock = QLockFile(str(journal.with_suffix(".lock")))
    lock.setStaleLockTime(0)  # that of a process that was killed is free at once
    if not lock.tryLock(0):
        if lock.error() == QLockFile.LockError.LockFailedError:
            raise InputError(
                f"{journal.name} is open in another window; close the review there, or "
                "take another reviewer's name."
            )
        raise InputError(
            f"Decisions are saved in {journal.parent}, which cannot be written; "
            "copy the folder to a place where you may write."
        )
    return lock

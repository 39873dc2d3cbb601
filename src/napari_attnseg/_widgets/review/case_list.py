"""The list of cases, with the decision and the expected quality of each mask."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]  # PyQt6's stubs
from qtpy.QtWidgets import QAbstractItemView, QTableWidget, QTableWidgetItem

from napari_attnseg.review.state import CaseState, Decision

#: Sign of each decision; by its form, not only by its colour.
SIGNS = {
    None: "·",
    Decision.ACCEPTED: "✓",
    Decision.CORRECTED: "✎",
    Decision.REJECTED: "✗",
}


class Filter(StrEnum):
    """Which cases are listed."""

    ALL = "all"
    OPEN = "open"
    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    REJECTED = "rejected"
    COMMENTED = "commented"

    def admits(self, state: CaseState) -> bool:
        """Whether a case of this state is listed."""
        if self is Filter.ALL:
            return True
        if self is Filter.COMMENTED:
            return bool(state.comment)
        if self is Filter.OPEN:
            return state.decision is None
        return state.decision is not None and state.decision == self.value


class Row(NamedTuple):
    """A case in the list."""

    title: str
    measure: str


class CaseList(QTableWidget):
    """A list of cases, in which letters are keys of the dock, not a search."""

    #: Number of the case that somebody chose.
    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__(0, 4)
        self.setHorizontalHeaderLabels(["", "case", "", "comment"])
        self.setMinimumHeight(130)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setWordWrap(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Any: PyQt6's stubs say that each of them may be None.
        numbers: Any = self.verticalHeader()
        numbers.setDefaultSectionSize(22)
        numbers.hide()
        heading: Any = self.horizontalHeader()
        heading.setStretchLastSection(True)
        self.currentCellChanged.connect(self._current_changed)
        self._quiet = False

    def fill(self, rows: Sequence[Row], measure: str, tip: str) -> None:
        """List cases; `measure` is the heading of their number, `tip` explains it."""
        self._quiet = True
        self.setRowCount(len(rows))
        heading: Any = QTableWidgetItem(measure)
        heading.setToolTip(tip)
        self.setHorizontalHeaderItem(2, heading)
        for number, row in enumerate(rows):
            for column, text in enumerate((SIGNS[None], row.title, row.measure, "")):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if column in (0, 2):
                    item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                self.setItem(number, column, item)
        self.setColumnHidden(2, not measure)
        self.resizeColumnsToContents()
        self.setColumnWidth(1, min(self.columnWidth(1), 170))
        self._quiet = False

    def show_state(self, number: int, state: CaseState, measure: str) -> None:
        """Update the row of a case."""
        decision = state.decision
        words = "open" if decision is None else str(decision)
        for column, text, tip in (
            (0, SIGNS[decision], words),
            (2, measure, measure),
            (3, state.comment, state.comment),
        ):
            item: Any = self.item(number, column)
            item.setText(text)
            item.setToolTip(tip)

    def choose(self, number: int) -> None:
        """Choose a case, without a signal."""
        self._quiet = True
        self.setCurrentCell(number, 1)
        self._quiet = False

    def _current_changed(self, row: int, *others: int) -> None:
        if row >= 0 and not self._quiet:
            self.chosen.emit(row)

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Leave letters and page keys to the dock's own keys."""
        pages = (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
        if event.text().strip() or event.key() in pages:
            event.ignore()
        else:
            super().keyPressEvent(event)

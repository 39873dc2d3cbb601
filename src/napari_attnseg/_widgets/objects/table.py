"""A sortable table of numbers, one row per object."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from qtpy.QtCore import (  # type: ignore[attr-defined]  # PyQt6's stubs
    QAbstractTableModel,
    QModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from qtpy.QtWidgets import QAbstractItemView, QTableView

from napari_attnseg.objects.sentences import grouped


class _Numbers(QAbstractTableModel):
    def __init__(
        self, columns: Mapping[str, Sequence[float]], meanings: Mapping[str, str]
    ) -> None:
        super().__init__()
        self.names = list(columns)
        self._columns = list(columns.values())
        self._meanings = [meanings.get(name, "") for name in self.names]

    def rowCount(self, parent: Any = QModelIndex()) -> int:  # noqa: N802, B008 (Qt's)
        return len(self._columns[0]) if self._columns else 0

    def columnCount(self, parent: Any = QModelIndex()) -> int:  # noqa: N802, B008
        return len(self.names)

    def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        value = float(self._columns[index.column()][index.row()])
        if role == Qt.ItemDataRole.DisplayRole:
            return grouped(value) or "–"
        if role == Qt.ItemDataRole.UserRole:
            return -math.inf if math.isnan(value) else value
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(  # noqa: N802 (Qt's name)
        self, section: int, orientation: Any, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            # Many fit side by side.
            return textwrap.fill(self.names[section], 10, break_long_words=False)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._meanings[section]
        return None


class ObjectTable(QTableView):
    """Table of objects: one row can be selected, and a click on a heading sorts it."""

    #: Position, in the columns as given, of the row that a person chose.
    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumHeight(130)  # the heading and a few rows
        self.setTabKeyNavigation(False)  # Tab goes on; arrow keys move in the table
        self._numbers = _Numbers({}, {})
        self._sorted = QSortFilterProxyModel()
        self._sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self.setModel(self._sorted)
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        # Any: PyQt6's stubs say that each of them may be None.
        numbers: Any = self.verticalHeader()
        numbers.hide()
        selection: Any = self.selectionModel()
        selection.currentRowChanged.connect(self._row_changed)
        self._quiet = False

    def fill(
        self, columns: Mapping[str, Sequence[float]], meanings: Mapping[str, str]
    ) -> None:
        """Show columns; `meanings` are the tool tips of their headings."""
        self._numbers = _Numbers(columns, meanings)
        self._sorted.setSourceModel(self._numbers)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.resizeColumnsToContents()

    def show_only(self, names: Sequence[str] | None) -> None:
        """Show these columns; None for all."""
        for position, name in enumerate(self._numbers.names):
            self.setColumnHidden(position, names is not None and name not in names)

    def choose(self, row: int) -> None:
        """Choose a row by its position in the unsorted columns, without a signal."""
        index = self._sorted.mapFromSource(self._numbers.index(row, 0))
        self._quiet = True
        self.setCurrentIndex(self._sorted.index(index.row(), self._first_shown()))
        self._quiet = False

    def choose_none(self) -> None:
        """Choose no row."""
        self._quiet = True
        self.setCurrentIndex(QModelIndex())
        self.clearSelection()
        self._quiet = False

    def _first_shown(self) -> int:
        count = self._numbers.columnCount()
        return next((c for c in range(count) if not self.isColumnHidden(c)), 0)

    def _row_changed(self, now: Any, before: Any = None) -> None:
        if now.isValid() and not self._quiet:
            self.chosen.emit(self._sorted.mapToSource(now).row())

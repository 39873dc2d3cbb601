"""Controls of a review that has begun."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]  # PyQt6's stubs
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_attnseg._widgets.base.controls import ChoiceBox, set_tips, wrapped_label
from napari_attnseg._widgets.review.case_list import CaseList, Filter, Row
from napari_attnseg._widgets.review.opened import OpenReview
from napari_attnseg.review.case import Case
from napari_attnseg.review.words import (
    case_words,
    measure_heading,
    order_words,
    progress_words,
)


class CommentLine(QLineEdit):
    """Line of a comment; Enter and Escape return the keyboard focus to the dock."""

    #: Emitted when the keyboard is to go back.
    left = Signal()

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Leave the line with Enter and Escape."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
            self.left.emit()
        else:
            super().keyPressEvent(event)


class ReviewPanel(QWidget):
    """Progress, list of cases, facts about one case, and its buttons."""

    def __init__(self) -> None:
        super().__init__()
        self.order = wrapped_label()
        self.progress = QProgressBar()
        self.filter_box = ChoiceBox()
        for kind in Filter:
            self.filter_box.addItem(str(kind), kind)
        self.list = CaseList()
        self.title = wrapped_label()
        self.title.setStyleSheet("font-weight: bold")
        #: That the mask is empty, or covers all of its frame or nearly.
        self.outcome = wrapped_label()
        self.outcome.setStyleSheet("font-weight: bold")
        self.outcome.hide()
        self.about = wrapped_label()
        self.buttons = {
            "accept": QPushButton("✓ Accept (A)"),
            "correct": QPushButton("✎ Correct (C)"),
            "reject": QPushButton("✗ Reject (R)"),
            "previous": QPushButton("◀ (Shift+N)"),
            "next": QPushButton("▶ (N)"),
            "undo": QPushButton("Undo (U)"),
            "mask": QPushButton("Mask (S)"),
            "maps": QPushButton("Maps (W)"),
            "take_over": QPushButton("Take over the mask of the new result (O)"),
        }
        self.buttons["take_over"].hide()
        self.comment = CommentLine()
        self.comment.setPlaceholderText("Comment (T); Enter or Escape leaves it")
        self.said = wrapped_label()
        self.export_button = QPushButton("Export table…")
        self.close_button = QPushButton("Close review")
        self._explain()
        self._arrange()

    def _explain(self) -> None:
        buttons = self.buttons
        set_tips(
            {
                buttons[
                    "accept"
                ]: "Accept the mask as it is, and go on to the next open case.",
                buttons[
                    "correct"
                ]: "Correct the mask with the brush. Every stroke is saved, and the "
                "mask goes to your training set. Keys of napari: E erases, [ and ] "
                "change the brush, Ctrl+Z takes back a stroke.",
                buttons["reject"]: "Reject the mask, and go on to the next open case.",
                buttons["previous"]: "The previous case in the list; also Page Up.",
                buttons["next"]: "The next case in the list; also Page Down.",
                buttons["undo"]: "Take back the decision that was made last, and go to "
                "its case.",
                buttons["mask"]: "Show or hide the mask.",
                buttons["maps"]: "Show or hide the probability of the results. Their "
                "gate maps come into the layer list, hidden.",
                buttons["take_over"]: "Copy the mask of your new result of this image "
                "into the reviewed mask, as a correction; Ctrl+Z takes it back.",
                self.filter_box: "Which cases are listed; next and previous keep to "
                "them.",
                self.comment: "Saved while you type, for the case on screen.",
                self.export_button: "Write a CSV with a row per reviewer and case of "
                "this folder.",
                self.close_button: "Everything is saved already.",
                self.progress: "Decided cases.",
            }
        )

    def _arrange(self) -> None:
        top = QHBoxLayout()
        top.addWidget(QLabel("Show"))
        top.addWidget(self.filter_box, 1)
        grid = QGridLayout()
        grid.setSpacing(4)
        for place, name in enumerate(("accept", "correct", "reject")):
            grid.addWidget(self.buttons[name], 0, 2 * place, 1, 2)
        for place, name in enumerate(("previous", "next", "undo")):
            grid.addWidget(self.buttons[name], 1, 2 * place, 1, 2)
        grid.addWidget(self.buttons["mask"], 2, 0, 1, 3)
        grid.addWidget(self.buttons["maps"], 2, 3, 1, 3)
        grid.addWidget(self.buttons["take_over"], 3, 0, 1, 6)
        ends = QHBoxLayout()
        ends.addWidget(self.export_button)
        ends.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.progress)
        layout.addWidget(self.order)
        layout.addLayout(top)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.title)
        layout.addWidget(self.outcome)
        layout.addWidget(self.about)
        layout.addLayout(grid)
        layout.addWidget(self.comment)
        layout.addWidget(self.said)
        layout.addLayout(ends)

    # -- what is shown of a review -----------------------------------------------------

    def show_review(self, opened: OpenReview) -> None:
        """List all cases of a review that has just been opened."""
        review = opened.review
        rows = [Row(opened.title(case), opened.measure(case)) for case in review.cases]
        heading, tip = measure_heading(review.series.order)
        self.list.fill(rows, "" if opened.blind else heading, tip)
        self.order.setText(order_words(review))
        self.progress.setRange(0, len(review.cases))
        for case in review.cases:
            self.show_state(opened, case)
        with signals_blocked(self.filter_box):
            self.filter_box.setCurrentIndex(0)
        self.show_filtered(opened, None)

    def show_state(self, opened: OpenReview, case: Case) -> None:
        """Update the list and the progress for a case."""
        review = opened.review
        number, state = review.cases.index(case), review.state(case)
        self.list.show_state(number, state, opened.measure(case))
        self.progress.setValue(review.done)
        self.progress.setFormat(progress_words(review))

    def show_filtered(self, opened: OpenReview, current: Case | None) -> None:
        """List only what the filter admits; the case on screen stays listed."""
        admits = self.filter_box.currentData().admits
        for number, case in enumerate(opened.review.cases):
            shown = case is current or admits(opened.review.state(case))
            self.list.setRowHidden(number, not shown)

    def show_case(self, opened: OpenReview, case: Case) -> None:
        """Show the facts about the case on screen."""
        self.show_state(opened, case)
        review, state = opened.review, opened.review.state(case)
        at, n = review.cases.index(case) + 1, len(review.cases)
        decided = "open" if state.decision is None else str(state.decision)
        self.title.setText(f"{at} of {n} · {decided} · {opened.title(case)}")
        if review.hidden(case):
            words = "The mask is hidden; S shows it."
        else:
            words = "" if opened.blind else case_words(review.known(case), state)
        self.about.setText(words)
        self.buttons["maps"].setEnabled(case.results is not None)

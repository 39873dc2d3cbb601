"""View of a training run: progress bar, state, curves and log."""

from __future__ import annotations

from qtpy.QtGui import QTextCursor
from qtpy.QtWidgets import (
    QPlainTextEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from napari_attnseg._widgets.base.controls import Fold, wrapped_label
from napari_attnseg._widgets.train.curves import Curves
from napari_attnseg._widgets.train.status import NOTHING, Look
from napari_attnseg.card_summary import weights_name
from napari_attnseg.run_files import Place


class RunView(QWidget):
    """State of a run at one moment, of which only changes are drawn again."""

    def __init__(self) -> None:
        super().__init__()
        self._shown = NOTHING
        self.progress = QProgressBar()
        self.state_line = wrapped_label()
        self.weights_line = wrapped_label()
        self.curves = Curves()
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setToolTip("The complete log of the run.")
        self.log.setMinimumHeight(120)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.progress, self.state_line, self.weights_line):
            layout.addWidget(widget)
        layout.addWidget(self.curves, 1)
        layout.addWidget(Fold("Log", self.log))
        layout.addStretch()

    def show_look(self, look: Look) -> None:
        """Show the content of a run folder."""
        before, self._shown = self._shown, look
        going_on = look.state.active
        self.progress.setVisible(going_on)
        if going_on:
            self._show_place(look.place, look.measured_on)
        self.state_line.setText(look.said)
        self.weights_line.setVisible(look.weights is not None and not going_on)
        if look.weights is not None:
            self.weights_line.setText(
                f"Its weights are in the list of Segment: {weights_name(look.weights)}."
            )
        self.curves.setVisible(bool(look.epochs))
        if look.epochs != before.epochs:
            self.curves.show_epochs(look.epochs, look.measured_on)
        if look.log != before.log:
            self._show_log(look.log)

    def _show_place(self, place: Place | None, measured_on: str) -> None:
        if place is None:
            self.progress.setRange(0, 0)  # busy
            return
        self.progress.setRange(0, place.steps)
        self.progress.setValue(place.step)
        if place.step < place.steps:
            self.progress.setFormat(f"step {place.step} of {place.steps}")
        else:
            self.progress.setFormat(f"measuring on {measured_on} images")

    def _show_log(self, text: str) -> None:
        """Append new lines, so that scroll position and selection are kept."""
        shown = self.log.toPlainText()
        if shown and text.startswith(f"{shown}\n"):
            self.log.appendPlainText(text[len(shown) + 1 :])
        else:
            self.log.setPlainText(text)
            self.log.moveCursor(QTextCursor.MoveOperation.End)

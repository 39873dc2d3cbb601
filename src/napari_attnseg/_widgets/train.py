"""The Train dock widget: start a run, watch it, stop it, go on with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from napari.qt.threading import create_worker
from napari.utils.notifications import show_error
from qtpy.QtCore import QSettings, QSize, Qt, QTimer
from qtpy.QtGui import QTextCursor
from qtpy.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_attnseg._widgets.curves import Curves
from napari_attnseg._widgets.inputs import words
from napari_attnseg._widgets.running import DockWidget
from napari_attnseg._widgets.train_form import PathEdit, TrainForm
from napari_attnseg._widgets.trained_weights import offer
from napari_attnseg._widgets.training_look import GOING_ON, Look, Place
from napari_attnseg._widgets.training_run import TrainingRun
from napari_attnseg.errors import AttnSegError

#: Milliseconds between two looks at the run folder.
EVERY = 500
NOTHING = Look("none", "")


class TrainWidget(DockWidget):
    """Train a model on a folder of images and masks, in a process of its own.

    The run goes on when the widget or napari closes; a widget on the same run folder
    shows it again. The folder that was shown last is opened again.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Only its theme is used.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._run: TrainingRun | None = None
        self.shown = NOTHING
        self._suggestion = ""
        self.form = TrainForm(self._life)
        self.folder = PathEdit("Run folder")
        self.start_button = QPushButton("Train")
        self.resume_button = QPushButton("Resume")
        self.stop_button = QPushButton("Stop")
        self.progress = QProgressBar()
        self.state_line = words()
        self.weights_line = words()
        self.curves = Curves()
        self.log = QPlainTextEdit()
        self._lay_out()
        self._connect()
        remembered = _settings().value("run", "")
        if remembered and Path(remembered).is_dir():
            self.folder.set(remembered)
        else:
            self._show(NOTHING)

    def _lay_out(self) -> None:
        self.folder.line.setPlaceholderText("new folder, or one of an earlier run")
        self.log.setReadOnly(True)
        self.log.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.log.setMinimumHeight(120)
        collapsed = QCollapsible("Log")
        collapsed.setDuration(0)
        collapsed.addWidget(self.log)
        where = QFormLayout()
        where.addRow("Run folder", self.folder)
        buttons = QHBoxLayout()
        for button in (self.start_button, self.resume_button, self.stop_button):
            buttons.addWidget(button)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.addWidget(self.form)
        layout.addLayout(where)
        layout.addLayout(buttons)
        for widget in (self.progress, self.state_line, self.weights_line):
            layout.addWidget(widget)
        layout.addWidget(self.curves, 1)
        layout.addWidget(collapsed)
        layout.addStretch()
        # With everything unfolded it is higher than many a screen.
        area = _VerticalScroll()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)

    def _connect(self) -> None:
        self.form.suggested.connect(self._take_suggestion)
        self.folder.changed.connect(self._open)
        self.start_button.clicked.connect(self.start)
        self.resume_button.clicked.connect(self.resume)
        self.stop_button.clicked.connect(self.stop)
        self.curves.use_theme(self._viewer.theme)
        theme = self._viewer.events.theme
        theme.connect(self._follow_theme)
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY)
        self._timer.timeout.connect(self._look)
        self._timer.start()
        self._life.at_end += [
            partial(theme.disconnect, self._follow_theme),
            self._timer.stop,
        ]

    # -- what one does ---------------------------------------------------------------

    def start(self) -> None:
        """Start a run as chosen."""

        def begin() -> None:
            choices = self.form.choices(self.folder.text)
            self._run_in(choices.out).start(choices.options())

        self._try(begin)

    def resume(self) -> None:
        """Go on with the run that is shown, on the device that is chosen."""

        def begin() -> None:
            data = Path(self.shown.data)
            if not data.is_dir():  # moved since
                data = Path(self.form.data.text)
            run = self._run_in(Path(self.folder.text))
            run.resume(data, self.form.device_box.currentText())

        self._try(begin)

    def stop(self) -> None:
        """Ask the run to stop after its step; asked again, end it."""
        if self._run is not None:
            self._try(self._run.stop)

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except AttnSegError as error:
            show_error(str(error))
            return
        self._look()

    # -- what one sees ---------------------------------------------------------------

    def _run_in(self, folder: Path) -> TrainingRun:
        if self._run is None or self._run.folder != folder.absolute():
            self._run = TrainingRun(folder)
        _settings().setValue("run", str(self._run.folder))
        return self._run

    def _open(self) -> None:
        """Show the run in the folder that was chosen, if there is one."""
        if not self.folder.text:
            self._run = None
            self._show(NOTHING)
            return
        self._run_in(Path(self.folder.text))
        self._look()

    def _take_suggestion(self, folder: Path) -> None:
        """A new run gets a folder of its own, unless somebody chose one."""
        if self.folder.text in ("", self._suggestion) or self.shown.state == "done":
            self._suggestion = str(folder)
            self.folder.set(folder)

    def _look(self) -> None:
        """Read the run folder in a thread, one look at a time."""
        if self._run is None or self._life.ended or self._life.worker is not None:
            return
        run = self._run

        def looked(found: Look) -> None:
            if run is self._run and not self._life.ended:
                self._show(found)

        worker = create_worker(run.look, _start_thread=False)
        worker.returned.connect(looked)
        worker.finished.connect(self._looked)
        self._life.worker = worker
        worker.start()

    def _looked(self) -> None:
        self._life.worker = None

    def _show(self, look: Look) -> None:
        before, self.shown = self.shown, look
        going_on = look.state in GOING_ON
        self.form.setVisible(not going_on)
        self.start_button.setVisible(not going_on)
        taken = bool(look.epochs) or look.resumable
        self.start_button.setEnabled(not taken)
        self.start_button.setToolTip(
            "This folder holds a run: choose another for a new one." if taken else ""
        )
        self.resume_button.setVisible(look.resumable)
        self.stop_button.setVisible(going_on)
        self.stop_button.setText("Stop now" if look.state == "stopping" else "Stop")
        self.progress.setVisible(going_on)
        self.state_line.setText(look.said)
        if before.state in GOING_ON and look.state == "failed":
            show_error(look.said)
        if going_on:
            _move(self.progress, look.place)
        if look.data and not self.form.data.text:
            self.form.data.line.setText(look.data)
        self.curves.setVisible(bool(look.epochs))
        if look.epochs != before.epochs:
            self.curves.show_epochs(look.epochs)
        if look.log != before.log:
            self._show_log(look.log)
        self._show_weights(look)

    def _show_log(self, text: str) -> None:
        """Add what is new, so that nothing moves where somebody reads or selects."""
        shown = self.log.toPlainText()
        if shown and text.startswith(f"{shown}\n"):
            self.log.appendPlainText(text[len(shown) + 1 :])
        else:
            self.log.setPlainText(text)
            self.log.moveCursor(QTextCursor.MoveOperation.End)

    def _show_weights(self, look: Look) -> None:
        """Offer the best weights of a run that has ended, however it did."""
        ready = look.weights is not None and look.state not in GOING_ON
        self.weights_line.setVisible(ready)
        if ready and look.weights is not None:
            offer(look.weights)
            name = f"{look.weights.parent.name}/{look.weights.stem}"
            self.weights_line.setText(
                f"The best weights are in the list of Segment, as {name}."
            )

    def _follow_theme(self, event: Any) -> None:
        self.curves.use_theme(self._viewer.theme)


class _VerticalScroll(QScrollArea):
    """As wide as its content at least, so that there is no scrolling sideways."""

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        content, bar = self.widget(), self.verticalScrollBar()
        hint = super().minimumSizeHint()
        if content is not None and bar is not None:
            width = content.minimumSizeHint().width() + bar.sizeHint().width()
            hint.setWidth(max(hint.width(), width))
        return hint


def _move(bar: QProgressBar, place: Place | None) -> None:
    if place is None:
        bar.setRange(0, 0)  # busy
        return
    bar.setRange(0, place.steps)
    bar.setValue(place.step)
    if place.step < place.steps:
        bar.setFormat(f"step {place.step} of {place.steps}")
    else:
        bar.setFormat("measuring on validation images")


def _settings() -> QSettings:
    # As a file on every system: a test can point it elsewhere.
    return QSettings(
        QSettings.Format.IniFormat,
        QSettings.Scope.UserScope,
        "napari-attnseg",
        "train",
    )

"""The Train dock widget: start, watch, stop and resume a training run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QWidget,
)

from napari_attnseg._widgets.base.controls import Form, halt, set_tips, wrapped_label
from napari_attnseg._widgets.base.dock import DockWidget
from napari_attnseg._widgets.base.path_edit import PathEdit
from napari_attnseg._widgets.base.scroll import scrolled
from napari_attnseg._widgets.base.session_weights import offer
from napari_attnseg._widgets.base.threads import work
from napari_attnseg._widgets.base.trained_runs import remember, run_settings
from napari_attnseg._widgets.train.form import MOST_EPOCHS, TrainForm
from napari_attnseg._widgets.train.monitor import RunView
from napari_attnseg._widgets.train.options import suggest_next_folder
from napari_attnseg._widgets.train.process import TrainingRun
from napari_attnseg._widgets.train.status import NOTHING, Look
from napari_attnseg.errors import AttnSegError
from napari_attnseg.run_files import RunState

TAKEN = (
    "Train is grey because this folder holds a run: choose another run folder to start "
    "a new one."
)
NO_DATA = "Train is grey because no data folder is chosen."
NO_RUN_FOLDER = "Train is grey because no run folder is chosen."
#: Milliseconds between two readings of the run folder.
EVERY = 500


class TrainWidget(DockWidget):
    """Train a model on a folder of images and masks, in a process of its own.

    The run continues when the widget or napari closes; a widget on the same run folder
    shows it again. The folder that was shown last is opened again.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Viewer, of which only the theme is used.
    """

    tab = "Train"

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._run: TrainingRun | None = None
        self.shown = NOTHING
        #: Whether a run was begun here whose end was not yet seen: it may fail before
        #: it is looked at for the first time.
        self._begun = False
        self._suggestion = ""
        self.form = TrainForm(self._life)
        self.folder = PathEdit("Run folder")
        self.start_button = QPushButton("Train")
        self.resume_button = QPushButton("Resume")
        self.stop_button = QPushButton("Stop")
        #: Shown when a run is done.
        self.on_row = QWidget()
        self.on_button = QPushButton("Train on for")
        self.on_epochs = QSpinBox()
        #: Why no run can be started; hidden while one can.
        self.why = wrapped_label(TAKEN)
        self.view = RunView()
        self._lay_out()
        self._connect()
        remembered = run_settings().value("run", "")
        if remembered and Path(remembered).is_dir():
            self.folder.set(remembered)
        else:
            self._show(NOTHING)

    def _lay_out(self) -> None:
        self.folder.line.setPlaceholderText("new, or of an earlier run")
        set_tips(
            {
                self.folder: "Where weights and curves of the run are written.",
                self.start_button: "Begin a run with these choices.",
                self.resume_button: "Continue where the run in this folder stopped.",
                self.stop_button: "Finish the present step, save, and stop.",
                self.on_button: "Continue training the best weights of this run, "
                "with the same settings, in a new run folder; this one is not changed.",
                self.on_epochs: "Number of further passes through all training images.",
            }
        )
        where = Form()
        where.addRow("Run folder", self.folder)
        buttons = QHBoxLayout()
        for button in (self.start_button, self.resume_button, self.stop_button):
            buttons.addWidget(button)
        self.on_epochs.setRange(1, MOST_EPOCHS)
        self.on_epochs.setValue(10)
        self.on_epochs.setSuffix(" epochs")
        on = QHBoxLayout(self.on_row)
        on.setContentsMargins(0, 0, 0, 0)
        on.addWidget(self.on_button)
        on.addWidget(self.on_epochs, 1)
        layout = scrolled(self)
        layout.addWidget(self.form)
        layout.addLayout(where)
        layout.addLayout(buttons)
        layout.addWidget(self.why)
        layout.addWidget(self.on_row)
        layout.addWidget(self.view, 1)

    def _connect(self) -> None:
        self.form.suggested.connect(self._take_suggestion)
        self.folder.changed.connect(self._open)
        for edit in (self.form.data, self.folder):  # while it is typed in, too
            edit.line.textChanged.connect(self._show_ready)
        self.start_button.clicked.connect(self.start)
        self.resume_button.clicked.connect(self.resume)
        self.stop_button.clicked.connect(self.stop)
        self.on_button.clicked.connect(self.train_on)
        self.view.curves.follow_theme(self._viewer, self._life)
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY)
        self._timer.timeout.connect(self._look)
        self._timer.start()
        self._life.at_end.append(partial(halt, self._timer))

    @property
    def reading(self) -> bool:
        """Whether the run folder is being read in a thread."""
        return self._life.worker is not None

    # -- actions ---------------------------------------------------------------------

    def start(self) -> None:
        """Start a run with the choices of the form."""

        def begin() -> None:
            choices = self.form.choices(self.folder.text)
            self._run_in(choices.out).start(choices.options())
            remember(choices.out)
            self._begun = True

        self._try(begin)

    def resume(self) -> None:
        """Resume the displayed run on the chosen device."""

        def begin() -> None:
            data = self._data_of_run()
            run = self._run_in(Path(self.folder.text))
            run.resume(data, self.form.device_box.currentText())
            remember(run.folder)
            self._begun = True

        self._try(begin)

    def train_on(self) -> None:
        """Continue training the displayed finished run in a new folder beside it."""

        def begin() -> None:
            data = self._data_of_run()
            finished = Path(self.folder.text).absolute()
            self.folder.set(suggest_next_folder(finished))
            run = self._run_in(Path(self.folder.text))
            device = self.form.device_box.currentText()
            run.train_on(finished, data, self.on_epochs.value(), device)
            remember(run.folder)
            self._begun = True

        self._try(begin)

    def _data_of_run(self) -> Path:
        data = Path(self.shown.data)
        # It may have been moved since.
        return data if data.is_dir() else Path(self.form.data.text)

    def stop(self) -> None:
        """Stop the run after its step; a second call kills it."""
        if self._run is not None:
            self._try(self._run.stop)

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except AttnSegError as error:
            show_error(str(error))
            return
        self._look()

    # -- display ---------------------------------------------------------------------

    def _run_in(self, folder: Path) -> TrainingRun:
        if self._run is None or self._run.folder != folder.absolute():
            self._run = TrainingRun(folder)
            self._show(NOTHING)  # until it was looked at
        run_settings().setValue("run", str(self._run.folder))
        return self._run

    def _open(self) -> None:
        """Show the run in the chosen folder, if there is one."""
        if not self.folder.text:
            self._run = None
            self._show(NOTHING)
            return
        self._run_in(Path(self.folder.text))
        self._look()

    def _take_suggestion(self, folder: Path | None) -> None:
        """Use the suggested folder, unless a free one was chosen."""
        if folder is None:
            if self.shown.state is RunState.DONE:  # of other data
                self.folder.set("")
        elif self.folder.text in ("", self._suggestion) or _taken(self.shown):
            self._suggestion = str(folder)
            self.folder.set(folder)

    def _look(self) -> None:
        """Read the run folder in a thread, one reading at a time."""
        if self._run is None or self._life.ended or self._life.worker is not None:
            return
        run = self._run

        def looked(found: Look) -> None:
            if run is self._run and not self._life.ended:
                self._show(found)

        worker = work(run.look)
        worker.returned.connect(looked)
        worker.finished.connect(self._looked)
        self._life.worker = worker
        worker.start()

    def _looked(self) -> None:
        self._life.worker = None

    def _show(self, look: Look) -> None:
        before, self.shown = self.shown, look
        going_on = look.state.active
        self.form.setVisible(not going_on)
        self.start_button.setVisible(not going_on)
        self._show_ready()
        self.resume_button.setVisible(look.resumable)
        self.stop_button.setVisible(going_on)
        done = look.state is RunState.DONE and look.weights is not None
        self.on_row.setVisible(done)
        self.stop_button.setText(
            "Stop now" if look.state is RunState.STOPPING else "Stop"
        )
        if look.state is RunState.FAILED and (before.state.active or self._begun):
            show_error(look.said)
        self._begun = self._begun and (going_on or look == NOTHING)
        if look.data and not self.form.data.text:
            self.form.show_run(look.data, look.model)
        self.view.show_look(look)
        if look.weights is not None and not going_on:
            offer(look.weights)  # however it ended

    def _show_ready(self, text: str = "") -> None:
        """Enable the start button, or say what is missing."""
        why = "" if self.folder.text else NO_RUN_FOLDER
        if not self.form.data.text:
            why = NO_DATA
        if _taken(self.shown):
            why = TAKEN
        self.start_button.setEnabled(not why)
        self.why.setText(why)
        self.why.setVisible(bool(why) and not self.shown.state.active)


def _taken(look: Look) -> bool:
    """Whether the folder holds a run already."""
    return bool(look.epochs) or look.resumable

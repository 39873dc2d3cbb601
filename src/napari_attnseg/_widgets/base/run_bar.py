"""The start button, Cancel, progress and error text of a widget that runs a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_attnseg._widgets.base.controls import words
from napari_attnseg._widgets.base.jobs import Failed
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.threads import work


class RunBar(QWidget):
    """Runs generators that yield (steps done, what comes next) off the GUI thread.

    Parameters
    ----------
    title : str
        Of the start button.
    life : Lifetime
        Holds the worker, and ends it with the widget.
    """

    def __init__(self, title: str, life: Lifetime) -> None:
        super().__init__()
        self._life = life
        self._ready = False
        self.start_button = QPushButton(title)
        self.cancel_button = QPushButton("Cancel")
        self.progress = QProgressBar()
        #: Why the last run failed: napari's notification fades before it is copied.
        self.error = words()
        self.error.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        buttons = QHBoxLayout()
        buttons.addWidget(self.start_button)
        buttons.addWidget(self.cancel_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.progress)
        layout.addWidget(self.error)
        self.error.hide()
        self.cancel_button.clicked.connect(self.cancel)
        self.set_ready(False)

    def set_ready(self, ready: bool) -> None:
        """Whether there is something to run on."""
        self._ready = ready
        running = self._life.worker is not None
        self.progress.setVisible(running)
        self.cancel_button.setVisible(running)
        self.start_button.setEnabled(ready and not running)

    def launch(
        self, run: Callable[..., Any], *args: Any, total: int, done: Callable[..., None]
    ) -> None:
        """Run ``run(*args)``; `done` gets what it returns, unless it is `Failed`.

        `total` steps are shown; 0 for an amount that is not known.
        """

        def finished(result: Any) -> None:
            if isinstance(result, Failed):
                self.fail(result.message)
            else:
                done(result)

        worker = work(run, *args)
        worker.yielded.connect(self._moved)
        worker.returned.connect(finished)
        # What is no input's fault: napari shows it as the bug that it is.
        worker.errored.connect(lambda error: self._say(str(error)))
        worker.aborted.connect(lambda: show_info("Cancelled; no layers were added."))
        worker.finished.connect(self._ended)
        self._life.worker = worker
        self._say("")
        self.progress.setRange(0, total)
        self.cancel_button.setEnabled(True)
        self.set_ready(self._ready)
        worker.start()

    def cancel(self) -> None:
        """Stop after the step that is being worked on; no layer is added."""
        if self._life.worker is not None:
            self.progress.setFormat("cancelling…")
            self.cancel_button.setEnabled(False)
            self._life.worker.quit()

    def fail(self, error: str) -> None:
        """Say why there is no result, where it stays to be copied."""
        show_error(error)
        self._say(error)

    def _say(self, error: str) -> None:
        if not self._life.ended:
            self.error.setText(error)
            self.error.setVisible(bool(error))

    def _moved(self, step: tuple[int, str]) -> None:
        if not self._life.ended:
            self.progress.setValue(step[0])
            self.progress.setFormat(step[1])

    def _ended(self) -> None:
        self._life.worker = None
        if not self._life.ended:
            self.set_ready(self._ready)

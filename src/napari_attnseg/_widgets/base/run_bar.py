"""The start button, Cancel, progress and error text of a widget that runs a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_attnseg._widgets.base.controls import repeating, set_tips, wrapped_label
from napari_attnseg._widgets.base.jobs import Failed
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.pace import WORTH_SAYING, time_words
from napari_attnseg._widgets.base.threads import work

#: Shown until the step that a run is in has ended.
CANCELLING = "Cancelling: the present step is finished first."


class RunBar(QWidget):
    """Controls of a generator that runs in a thread, yielding (steps done, next step).

    Parameters
    ----------
    title : str
        Text of the start button.
    life : Lifetime
        Holds the worker, and ends it with the widget.
    """

    def __init__(self, title: str, life: Lifetime) -> None:
        super().__init__()
        self._life = life
        self._ready = False
        #: The image that is chosen, and that which the sentence below is about.
        self._image: Any = None
        self._about: Any = None
        #: Whether that sentence is about a drawn box.
        self._of_box = False
        self._left: Callable[[], float] | None = None
        self._ticking: QTimer | None = None
        #: Time left; a bar of a run whose steps are not known shows no text.
        self.time_left = wrapped_label()
        self.start_button = QPushButton(title)
        self.cancel_button = QPushButton("Cancel")
        #: Why the start button is grey; hidden while it is not, and during a run.
        self.why = wrapped_label()
        self.progress = QProgressBar()
        #: Why the last run failed: napari's notification fades before it is copied.
        self.error = wrapped_label()
        self.error.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        set_tips(
            {
                self.start_button: f"{title} with these choices.",
                self.cancel_button: "Stop after the present step. Finished slices "
                "of a stack are kept; otherwise nothing is "
                "added.",
            }
        )
        buttons = QHBoxLayout()
        buttons.addWidget(self.start_button)
        buttons.addWidget(self.cancel_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.why)
        layout.addWidget(self.progress)
        layout.addWidget(self.time_left)
        layout.addWidget(self.error)
        self.error.hide()
        self.cancel_button.clicked.connect(self.cancel)
        self.set_ready(False)

    def set_ready(self, ready: bool, why: str = "") -> None:
        """Enable or disable the start button; a run in progress keeps it disabled.

        Parameters
        ----------
        ready : bool
        why : str
            Sentence on what is missing, if it is not ready.
        """
        self._ready = ready
        self.why.setText(why)
        running = self._life.worker is not None
        self.progress.setVisible(running)
        self.cancel_button.setVisible(running)
        self.time_left.setVisible(running and bool(self.time_left.text()))
        self.start_button.setEnabled(ready and not running)
        self.why.setVisible(bool(why) and not ready and not running)

    def follow(self, image: Any) -> None:
        """Show the notes on a run only while its image is chosen."""
        self._image = image
        self._show_own()

    def launch(
        self,
        run: Callable[..., Any],
        *args: Any,
        total: int,
        done: Callable[..., None],
        came: Callable[[Any], None] | None = None,
        cancelled: Callable[[], str] | None = None,
        after: Callable[[], None] | None = None,
        left: Callable[[], float] | None = None,
    ) -> None:
        """Run ``run(*args)`` in a thread.

        Parameters
        ----------
        run : generator function
            Yields (steps done, text of the next step).
        *args
        total : int
            Number of steps; 0 if it is not known.
        done : callable
            Called with what `run` returns, unless that is `Failed`.
        came : callable, optional
            Called with the third part of a step, if the step has one.
        cancelled : callable, optional
            Returns a sentence on what a cancelled run has left; without it, nothing is
            shown.
        after : callable, optional
            Called at the end, however the run ended. It is called later than `done`, so
            that the window can react between the two calls.
        left : callable, optional
            Returns how many seconds are left; they are shown if it takes long enough.
        """

        def finished(result: Any) -> None:
            if isinstance(result, Failed):
                self.fail(result.message)
            else:
                done(result)

        def moved(step: tuple[Any, ...]) -> None:
            self._moved(step)
            if came is not None and len(step) > 2 and step[2] is not None:
                came(step[2])

        def aborted() -> None:
            said = "" if cancelled is None else cancelled()
            show_info(said or "Cancelled; no layers were added.")

        worker = work(run, *args)
        worker.yielded.connect(moved)
        worker.returned.connect(finished)
        # No error of the input: napari shows it as the bug that it is.
        worker.errored.connect(lambda error: self._show_error(str(error)))
        worker.aborted.connect(aborted)
        worker.finished.connect(self._ended)
        if after is not None:
            worker.finished.connect(after)
        self._left = left
        self._ticking = repeating(500, self._show_left) if left is not None else None
        self._show_error("")  # and what comes later is about this image, too
        self._life.worker = worker
        self.progress.setRange(0, total)
        self.cancel_button.setEnabled(True)
        self.set_ready(self._ready, self.why.text())
        self._show_left()
        worker.start()

    def cancel(self) -> None:
        """Stop after the present step."""
        if self._life.worker is not None:
            self.progress.setFormat("cancelling…")
            # Said below too: a bar of unknown length shows no text.
            self.time_left.setText(CANCELLING)
            self.time_left.show()
            self.cancel_button.setEnabled(False)
            self._life.worker.quit()

    def fail(self, error: str, of_box: bool = False) -> None:
        """Show an error as a notification and in the widget, where it can be copied.

        Parameters
        ----------
        error : str
        of_box : bool
            Whether another drawn box may mend it; see `box_changed`.
        """
        show_error(error)
        self._show_error(error)
        self._of_box = of_box

    def box_changed(self) -> None:
        """Take the error of a drawn box away, if it is still shown."""
        if self._of_box:
            self._show_error("")

    def warn(self, notes: Sequence[str]) -> None:
        """Show notes on a run, where `fail` shows errors."""
        for note in notes:
            show_warning(note)
        if notes:
            self._show_error("\n".join(notes))

    def _show_error(self, error: str) -> None:
        if not self._life.ended:
            if self._life.worker is None:
                self._about = self._image
            self.error.setText(error)
            self._of_box = False
            self._show_own()

    def _show_own(self) -> None:
        own = self._about is self._image
        self.error.setVisible(own and bool(self.error.text()))

    def _moved(self, step: tuple[Any, ...]) -> None:
        if not self._life.ended:
            self.progress.setValue(step[0])
            self.progress.setFormat(step[1])

    def _show_left(self) -> None:
        """Say how long it still takes, unless it is being cancelled."""
        if self._life.ended or self._left is None or not self.cancel_button.isEnabled():
            return
        seconds = self._left()
        if seconds >= WORTH_SAYING / 2:
            text = f"about {time_words(seconds)} left"
        elif self.time_left.text():
            text = "a few seconds left"
        else:
            return
        self.progress.setFormat(text)
        self.time_left.setText(text.capitalize())
        self.time_left.show()

    def _ended(self) -> None:
        if self._ticking is not None:
            self._ticking.stop()
        self._left = self._ticking = None
        self.time_left.setText("")
        self._life.worker = None
        if not self._life.ended:
            self.set_ready(self._ready, self.why.text())

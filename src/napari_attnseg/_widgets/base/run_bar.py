"""What every widget that runs a model is made of: inputs, start, Cancel, progress."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from napari.utils.notifications import show_error, show_info
from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QMainWindow,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_attnseg._widgets.base.inputs import Inputs, Lifetime, words
from napari_attnseg._widgets.base.jobs import Failed, Loaded
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


#: What Qt calls when it destroys a widget. Held here: Python's garbage collector would
#: empty it along with the widget, and Qt, in the same sweep, would call what is empty.
_AT_DESTRUCTION: set[Callable[[], None]] = set()


#: A frame around what has the keyboard: napari's own style draws none.
_FOCUS = """
QPushButton:focus, QComboBox:focus, QAbstractSpinBox:focus, QCheckBox:focus,
QLineEdit:focus, QTableView:focus, Pointing:focus {{ border: 1px solid {colour}; }}
QSlider::handle:focus {{ border: 2px solid {colour}; }}
"""


class DockWidget(QWidget):
    """A dock widget whose `_life` ends when napari closes it.

    Parameters
    ----------
    viewer : napari.Viewer
        Its theme is followed.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._life = life = Lifetime()
        self._show_focus()
        theme = viewer.events.theme
        theme.connect(self._show_focus)
        life.at_end.append(partial(theme.disconnect, self._show_focus))

        def destroyed() -> None:
            life.end()
            _AT_DESTRUCTION.discard(destroyed)

        _AT_DESTRUCTION.add(destroyed)
        self.destroyed.connect(destroyed)

    def _show_focus(self, event: Any = None) -> None:
        colour = get_theme(self._viewer.theme).text.as_hex()
        self.setStyleSheet(_FOCUS.format(colour=colour))

    def changeEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """End when napari takes the widget out of its dock, which is how it closes."""
        if event.type() == QEvent.Type.ParentChange:
            if self.parent() is None:
                self._life.end()
            elif not self._life.ended:
                # Not now: napari places the dock next.
                QTimer.singleShot(0, partial(_join_others, weakref.ref(self)))
        super().changeEvent(event)


def _join_others(ref: weakref.ref[DockWidget]) -> None:
    """A tab beside our other docks, in front: napari puts one below the other.

    On a screen of usual height that leaves each too little to be used.
    """
    widget = ref()
    if widget is None or widget._life.ended:
        return
    with suppress(RuntimeError):  # Qt has destroyed it meanwhile
        dock: Any = widget.parent()
        while dock is not None and not isinstance(dock, QDockWidget):
            dock = dock.parent()
        if dock is None or not isinstance(window := dock.parent(), QMainWindow):
            return
        if window.tabifiedDockWidgets(dock):
            return
        area = window.dockWidgetArea(dock)
        ours = [
            other
            for other in window.findChildren(QDockWidget)
            if other is not dock
            and other.isVisible()
            and not other.isFloating()
            and window.dockWidgetArea(other) == area
            and other.findChild(DockWidget) is not None
        ]
        if ours:
            window.tabifyDockWidget(ours[-1], dock)
            dock.show()
            dock.raise_()


class ModelWidget(DockWidget):
    """A dock widget that runs a model on an image layer.

    Parameters
    ----------
    viewer : napari.Viewer
        Only its layer list is used here.
    title : str
        Of the start button.
    """

    def __init__(self, viewer: Any, title: str) -> None:
        super().__init__(viewer)
        #: Kept for the next run; on the same weights it starts at once.
        self._loaded: Loaded | None = None
        self.inputs = Inputs(viewer, self._life)
        self.bar = RunBar(title, self._life)
        self.bar.start_button.clicked.connect(self.start)

    def start(self) -> None:
        """Run on what is chosen."""
        raise NotImplementedError

    def _keep(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self.inputs.ran_with(loaded.weights, loaded.device, loaded.segmenter.device)

    def _select(self, layer: Any) -> None:
        """Give the selection back: napari selects what was added last."""
        if layer in self._viewer.layers:
            self._viewer.layers.selection.active = layer

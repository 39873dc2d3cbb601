"""What is under the pointer, in words, and what was clicked last."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_attnseg._widgets.cases import Case
from napari_attnseg._widgets.inputs import Lifetime, weakly, words
from napari_attnseg._widgets.readout import read_out

HINT = "Point at the image to read it; click to hold the reading."


class Pointing(QWidget):
    """Reads a case under the pointer; a click holds the reading until the next one.

    Parameters
    ----------
    viewer : napari.Viewer
        Mouse callbacks are added to it.
    life : Lifetime
        Takes them away.
    """

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        super().__init__()
        self._case: Case | None = None
        self.now = words(HINT)
        self.held = words()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.now)
        layout.addWidget(self.held)
        self.held.setVisible(False)
        for callbacks, method in (
            (viewer.mouse_move_callbacks, self._move),
            (viewer.mouse_drag_callbacks, self._press),
        ):
            call = weakly(method)
            callbacks.append(call)
            life.at_end.append(partial(_remove, callbacks, call))

    def set_case(self, case: Case | None) -> None:
        """Read another case."""
        self._case = case
        self.now.setText(HINT)
        self._hold("")

    def _move(self, event: Any) -> None:
        self.now.setText(self._read(event.position) or HINT)

    def _press(self, event: Any) -> Iterator[None]:
        """A press without a move is a click: hold what is there; outside, let go."""
        yield
        moved = False
        while event.type == "mouse_move":
            moved = True
            yield
        if not moved:
            self._hold(self._read(event.position))

    def _read(self, point: Any) -> str:
        return "" if self._case is None else read_out(self._case, point)

    def _hold(self, text: str) -> None:
        self.held.setText(f"Held: {text}")
        self.held.setVisible(bool(text))


def _remove(callbacks: list[Any], call: Any) -> None:
    if call in callbacks:
        callbacks.remove(call)

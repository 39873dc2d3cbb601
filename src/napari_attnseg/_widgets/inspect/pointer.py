"""Show values of a result under the pointer, or at a point that a click holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qtpy.QtCore import Qt, QTimer, Signal  # type: ignore[attr-defined]  # stubs
from qtpy.QtWidgets import QFrame, QVBoxLayout

from napari_attnseg._widgets.base.controls import wrapped_label
from napari_attnseg._widgets.base.lifetime import Lifetime, follow_mouse
from napari_attnseg._widgets.inspect.click_place import other_image_at
from napari_attnseg._widgets.inspect.marker import Mark
from napari_attnseg._widgets.inspect.readout import (
    all_decorative,
    moved,
    read_out,
    shares_at,
)
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg.gate_words import ALL_DECORATIVE

KEYS = "Arrow keys move the ring (Shift: ten pixels), Escape removes it."
#: About as long as a reading, whose lines are kept free.
HINT = (
    "Point at the image to read values; click to keep a reading, marked by a ring. "
    f"{KEYS}"
)
PSI = (
    "psi is the weight of the CNN: 0 is the transformer alone, 1 the CNN alone, or as "
    "the legend of the map says."
)
FLAT = "Readings need the 2D view (the cube button below the layer list)."
_STEPS = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}


class Pointing(QFrame):
    """Shows the values under the pointer; a click holds the reading until the next one.

    Parameters
    ----------
    viewer : napari.Viewer
        Mouse callbacks are added to it, and a ring where the reading is held.
    life : Lifetime
        Removes them at its end.

    Attributes
    ----------
    point : tuple of float or None
        World point of the reading that is held.
    """

    #: World point at which a reading is held now, or None.
    held_at = Signal(object)

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        super().__init__()
        self._viewer = viewer
        self._result: ResultLayers | None = None
        self._mark = Mark(viewer)
        self.point: tuple[float, ...] | None = None
        self._paused = False
        self._in_front = True
        #: Why nothing is read: the image is not on screen; empty while it is.
        self._unseen = ""
        #: Where the pointer was last; None: not over the image of this result.
        self._under: tuple[float, ...] | None = None
        self.now = wrapped_label(HINT)
        self.held = wrapped_label()
        #: Said once of all gates, whose maps may not be read as reasons.
        self.note = wrapped_label(ALL_DECORATIVE)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolTip(f"The Tab key leads here. {KEYS}")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.addWidget(self.now)
        layout.addWidget(self.held)
        layout.addWidget(self.note)
        for label in (self.now, self.held):
            label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.held.setVisible(False)
        self.note.setVisible(False)
        life.at_end.append(self._mark.take_away)
        for callbacks, method in (
            (viewer.mouse_move_callbacks, self._move),
            (viewer.mouse_drag_callbacks, self._press),
        ):
            follow_mouse(callbacks, method, life)

    def set_result(self, result: ResultLayers | None) -> None:
        """Read another result from now on."""
        self._result = result
        self.note.setVisible(result is not None and all_decorative(result))
        self._reserve(result)
        self.now.setText(self._unseen or HINT)
        self.now.setToolTip("")
        self.point = self._under = None
        self.held.setVisible(False)
        # Not now: napari may be going through a list of layers to remove.
        QTimer.singleShot(0, self._unmark)

    def pause(self, paused: bool) -> None:
        """Ignore clicks for now, because they are used for something else."""
        self._paused = paused

    def set_unseen(self, why: str) -> None:
        """Say why nothing is read now; go on with an empty text."""
        if why != self._unseen:
            self._unseen, self._under = why, None
            self.now.setText(why or HINT)
            self.now.setToolTip("")
            self.held.setVisible(self.point is not None and not why)

    def set_in_front(self, front: bool) -> None:
        """Show the ring only while the dock is the front tab."""
        self._in_front = front
        self.show_mark(not self._viewer.canvas.grid.enabled)

    def follow_frame(self) -> None:
        """Hold the same pixel in the frame that is shown now."""
        if self.point is not None:
            self.hold(self._in_frame(self.point))
        if self._under is not None:
            self._show_now(self._in_frame(self._under))

    def _in_frame(self, point: tuple[float, ...]) -> tuple[float, ...]:
        """The same pixel in the frame that is shown."""
        shown = tuple(self._viewer.dims.point)[-len(point) :]
        return (*shown[:-2], *point[-2:])

    def read_again(self) -> None:
        """Read both points again after the mask has changed."""
        if self._under is not None and not self._solid():
            self._show_now(self._under)
        if self.point is not None:
            self._show_held(self._read(self.point))

    def _reserve(self, result: ResultLayers | None) -> None:
        """Keep as many lines as a reading has, so that nothing below it jumps."""
        lines = 2
        if result is not None:
            lines = max(lines, 1 + len(result.probability) + len(result.gates))
        height = lines * self.now.fontMetrics().lineSpacing()
        self.now.setMinimumHeight(height)
        self.held.setMinimumHeight(height)

    def _show_held(self, text: str) -> None:
        self.held.setText(f"At the ring: {text}")
        self.held.setToolTip(self._explain(self.point))

    def _explain(self, point: Any) -> str:
        """Tool tip of a reading: what psi is, and the effective shares there."""
        if self._result is None or point is None or not self._result.gates:
            return ""
        return "\n".join(filter(None, (PSI, shares_at(self._result, point))))

    def show_mark(self, visible: bool) -> None:
        """Show or hide the ring, which would take a cell if layers are side by side."""
        if self.point is not None and self._result is not None:
            self._mark.put(self._result, self.point, visible and self._in_front)

    def focusInEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Show which keys work, because a tool tip appears only for the mouse."""
        self.now.setText(self._unseen or KEYS)
        super().focusInEvent(event)

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Move the held reading by arrow keys; without one, start in the middle."""
        step = _STEPS.get(event.key())
        if event.key() == Qt.Key.Key_Escape and self.point is not None:
            self.hold(None)
        elif step is not None and self._result is not None and not self._unseen:
            fast = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            by = 10 if fast else 1
            at = None if self.point is None else (step[0] * by, step[1] * by)
            start = self.point or tuple(self._viewer.dims.point)
            self.hold(moved(self._result, start, at))
        else:
            super().keyPressEvent(event)

    def _move(self, event: Any) -> None:
        self._show_now(tuple(event.position))

    def _show_now(self, point: tuple[float, ...]) -> None:
        if self._unseen or self._solid():
            self._under = None
            self.now.setText(self._unseen or FLAT)
            self.now.setToolTip("")
            return
        there = self._elsewhere(point)
        text = "" if there else self._read(point)
        self._under = point if text else None
        self.now.setText(text or there or HINT)
        self.now.setToolTip(self._explain(point) if text else "")

    def _solid(self) -> bool:
        """Whether the view is 3D, where the pointer is a ray and not a point."""
        return bool(self._viewer.dims.ndisplay == 3)

    def _press(self, event: Any) -> Iterator[None]:
        """Hold the reading at a click, a press without a move; release it outside."""
        yield
        dragged = False
        while event.type == "mouse_move":
            dragged = True
            yield
        active = self._viewer.layers.selection.active
        brush = active is not None and active.mode != "pan_zoom"
        busy = dragged or brush or self._paused or self._unseen or self._solid()
        if not (busy or self._elsewhere(event.position)):
            self.hold(event.position)

    def _read(self, point: Any) -> str:
        return "" if self._result is None else read_out(self._result, point)

    def _elsewhere(self, point: Any) -> str:
        """Say that another image is seen at a point; empty if none is."""
        result = self._result
        return "" if result is None else other_image_at(self._viewer, result, point)

    def hold(self, point: Any) -> None:
        text = "" if point is None else self._read(point)
        self.point = tuple(point) if text else None
        self._show_held(text)
        self.held.setVisible(bool(text) and not self._unseen)
        if text:
            self.show_mark(not self._viewer.canvas.grid.enabled)
        else:
            self._mark.take_away()
        self.held_at.emit(self.point)

    def _unmark(self) -> None:
        if self.point is None:
            self._mark.take_away()

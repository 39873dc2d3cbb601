"""Clicks of the Inspect widget: add what is missing, remove what does not belong."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtCore import Qt, QTimer, Signal  # type: ignore[attr-defined]  # stubs
from qtpy.QtGui import QKeySequence, QShortcut  # type: ignore[attr-defined]  # stubs
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_attnseg._widgets.base.controls import (
    ChoiceBox,
    halt,
    restart,
    row_of,
    set_tips,
    timer,
    wrapped_label,
)
from napari_attnseg._widgets.base.jobs import Failed, prepare_clicks
from napari_attnseg._widgets.base.lifetime import Lifetime, follow_mouse
from napari_attnseg._widgets.base.model_cache import MODELS
from napari_attnseg._widgets.base.scroll import reveal
from napari_attnseg._widgets.inspect.click_place import why_no_click
from napari_attnseg._widgets.inspect.click_points import ClickPoints
from napari_attnseg._widgets.inspect.clicked_mask import ClickedMask, why_no_clicks
from napari_attnseg._widgets.inspect.encoding import Encoding
from napari_attnseg._widgets.inspect.strokes import follow_click, follow_stroke
from napari_attnseg._widgets.inspect.tips import CLICK_TIPS, WAIT
from napari_attnseg._widgets.inspect.way_box import WayBox
from napari_attnseg._widgets.layers.classes import class_names
from napari_attnseg._widgets.layers.display import leave_brushes
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg.corrections.clicks import Click
from napari_attnseg.corrections.rules import Corrector
from napari_attnseg.errors import AttnSegError

START, UNDO = "Correct by clicks", ("Undo click", "Undo all clicks")


class ClickPanel(QWidget):
    """A mode in which clicks and scribbles correct the mask of the shown frame.

    Parameters
    ----------
    viewer : napari.Viewer
        Gets a mouse callback, and a layer of points while the mode is on.
    life : Lifetime
        Removes both at its end.
    """

    #: The mode was entered or left.
    toggled = Signal(bool)

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        super().__init__()
        self._viewer, self._life = viewer, life
        self._mask: ClickedMask | None = None
        #: Frame and click, of clicks that were made while the encoders run.
        self._waiting: list[tuple[int, Click]] = []
        self._in_front, self._unseen = True, ""  # why its image is not on screen
        self._ready: Encoding[Corrector] = Encoding(prepare_clicks)
        self._points = ClickPoints(viewer)
        # Once the layout has followed the message.
        self._reveal_soon = timer(50, self._reveal_message)
        self.button = QPushButton(START)
        self.button.setCheckable(True)
        self.class_box = ChoiceBox()
        self.way_box = WayBox()
        self.message = wrapped_label()
        self.undo_button, self.clear_button = map(QPushButton, UNDO)
        set_tips({getattr(self, name): tip for name, tip in CLICK_TIPS.items()})
        self._lay_out()
        self._undo_key = QShortcut(QKeySequence(QKeySequence.StandardKey.Undo), self)
        self._undo_key.setContext(Qt.ShortcutContext.WindowShortcut)
        self._undo_key.activated.connect(self.undo)
        self.button.toggled.connect(self._switch)
        self.way_box.changed.connect(self._change_way)
        self.undo_button.clicked.connect(self.undo)
        self.clear_button.clicked.connect(lambda: self.undo(every=True))
        life.at_end.append(MODELS.add_user())
        life.at_end += [self._points.take_away, self._ready.free]
        life.at_end.append(partial(halt, self._reveal_soon))
        follow_mouse(viewer.mouse_drag_callbacks, self._press, life)
        self.set_result(None)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(first := QHBoxLayout())
        first.addWidget(self.button, 1)
        first.addWidget(self.class_box)
        # What tells of the last click and takes it back first: seen in a low window.
        layout.addWidget(self.message)
        layout.addLayout(row_of(self.undo_button, self.clear_button))
        layout.addWidget(self.way_box)

    # -- the result --------------------------------------------------------------------

    @property
    def active(self) -> bool:
        """Whether clicks correct the mask; its image and this tab must be in front."""
        return self.button.isChecked() and self._in_front and not self._unseen

    @property
    def clicks(self) -> tuple[Click, ...]:
        """Clicks by which the mask of the shown frame was corrected."""
        return () if self._mask is None else self._mask.clicks(self._frame)

    def set_result(self, result: ResultLayers | None) -> None:
        """Work on another result; one without image or mask cannot be corrected."""
        self._ready.free()
        self._waiting.clear()
        # Not now: napari may be going through a list of layers to remove.
        QTimer.singleShot(0, self._points_now)
        why = "" if result is None or not result.complete else why_no_clicks(result)
        usable = result is not None and result.complete and not why
        self._mask = ClickedMask(result) if result is not None and usable else None
        names: list[str] = []
        if result is not None and usable:
            names = class_names(result.record.provenance, len(result.probability))
        self.class_box.clear()
        self.class_box.addItems(names)
        self.class_box.setVisible(len(names) > 1)
        self.button.setEnabled(usable)
        self.way_box.setEnabled(usable)
        if not usable:
            self.button.setChecked(False)
        self.message.setText(why)
        self._show_buttons()
        if self.active:
            self._prepare()

    @property
    def _frame(self) -> int:
        """The shown frame."""
        assert self._mask is not None
        return self._mask.result.frame(self._viewer.dims.point)

    def follow_mask(self) -> None:
        """Update after the mask was recomputed or painted, or the frame changed."""
        if self._mask is None:
            return
        self._mask.forget_if_changed(self._frame)
        if self._ready.frame != self._frame:
            self._mask.session = None
        if self.active and self._mask.session is None:
            self._prepare()
        self._show_buttons()

    # -- the mode ----------------------------------------------------------------------

    def _switch(self, on: bool) -> None:
        if on:
            leave_brushes(self._viewer)
            self._prepare()
            restart(self._reveal_soon)
        else:
            self._waiting.clear()
            self.message.setText("")
            self._points.take_away()
        self._show_buttons()
        self.toggled.emit(on)

    def set_in_front(self, front: bool) -> None:
        """Leave the mode and hide its marks while another tab is in front."""
        self._in_front = front
        (self._prepare if self.active else self._show)()

    def pause(self, why: str) -> None:
        """Leave the mode while the image is not on screen; go on with an empty text."""
        self._unseen = why
        (self._prepare if self.active else self._show)()
        if why and self.button.isChecked():
            self.message.setText(why)

    def follow_overlay(self) -> None:
        """Show the marks in the overlay only: side by side they would take cells."""
        self._show()

    def _change_way(self) -> None:
        self._ready.free()
        if self._mask is not None:
            self._mask.session = None
            if self.active:
                self._prepare()

    def _prepare(self) -> None:
        """Begin a session on the shown frame; the encoders run if they have not."""
        mask = self._mask
        if mask is None or mask.session is not None:
            self._show()
            return
        frame, result = self._frame, mask.result
        if self._ready.found is not None and self._ready.frame == frame:
            self._begin()
            return
        if self._ready.worker is not None:
            return
        try:
            source = source_of(result.image)
        except AttnSegError as error:
            self._fail(str(error))
            return
        self.message.setText(WAIT)

        def finished(found: Any) -> None:
            if self._life.ended or self._mask is not mask:
                return
            if isinstance(found, Failed):
                self._fail(found.message)
            elif self.active:
                self._begin()

        self._ready.start(
            finished,
            source,
            frame,
            result.record.provenance,
            result.probabilities(frame),
            MODELS,
            self.way_box.way,
        )

    def _begin(self) -> None:
        """Begin with the mask as it is, and make the clicks that were waited for."""
        assert self._mask is not None and self._ready.found is not None
        if self._ready.frame != self._frame:
            self._prepare()
            return
        self._mask.begin(self._ready.found, self._frame)
        waiting, self._waiting = self._waiting, []
        for frame, click in waiting:
            if frame == self._frame:
                self._mask.add(click, frame)
        self._show()
        restart(self._reveal_soon)

    def _fail(self, error: str) -> None:
        self.button.setChecked(False)
        self.message.setText(error)
        show_error(error)

    # -- clicks ------------------------------------------------------------------------

    def _press(self, event: Any) -> Iterator[None]:
        """Correct at a click, or along what a drag draws."""
        if not (self.button.isChecked() and self._in_front and self._mask):
            return
        result, number = self._mask.result, self.class_box.currentIndex() + 1
        why = why_no_click(self._viewer, result, event.position)
        if why:
            yield from follow_click(event, lambda: self.message.setText(why))
        else:
            how = max(number, 1), self.way_box.draws_box, self._drawn, self.correct
            yield from follow_stroke(self._viewer, event, result.mask, *how)

    def _drawn(self, line: Click) -> None:
        """Show a scribble while it is drawn."""
        if self._mask is not None and not self._life.ended:
            key = self._mask.key(self._frame)
            self._points.show_lines(self._mask.result, [*self.clicks, line], key)

    def correct(self, click: Click) -> None:
        """Correct the mask by a click or a scribble, once the encoders have run."""
        if self._mask is None or self._life.ended:
            return
        self.follow_mask()
        if self._mask.session is None:
            self._waiting.append((self._frame, click))
            self._prepare()
        else:
            self._mask.add(click, self._frame)
            self._show()

    def undo(self, every: bool = False) -> None:
        """Undo the last click, or all clicks."""
        self.follow_mask()
        if self._mask is not None:
            self._mask.undo(self._frame, every)
            self._show()

    def _reveal_message(self) -> None:
        if self.active and not self._life.ended:
            reveal(self.undo_button)

    def _show(self) -> None:
        self._points_now()
        self._show_buttons()
        if self.active and self._mask is not None and self._mask.session is not None:
            self.message.setText(self._mask.describe(self._frame))

    def _points_now(self) -> None:
        """Show the points, where Qt has not destroyed the panel meanwhile."""
        if self._life.ended:
            return
        mask, beside = self._mask, self._viewer.canvas.grid.enabled
        if self._unseen and self.button.isChecked() and not beside:
            self._points.see(False)
        elif mask is None or not self.active or beside:
            self._points.take_away()
        else:
            self._points.show(mask.result, self.clicks, mask.key(self._frame))

    def _show_buttons(self) -> None:
        can_undo = self._mask is not None and self._mask.can_undo
        # Else the key is napari's, which takes back what a brush painted.
        self._undo_key.setEnabled(self.active and can_undo)
        for button in (self.undo_button, self.clear_button):
            button.setVisible(self.active)
            button.setEnabled(self.active and can_undo)

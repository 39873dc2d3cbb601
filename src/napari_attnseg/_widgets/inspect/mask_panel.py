"""Mask panel of the Inspect widget: threshold and clean-up, live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from qtpy.QtCore import (  # type: ignore[attr-defined]  # PyQt6's stubs
    Signal,
)
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QMessageBox,
    QPushButton,
    QSpinBox,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_attnseg._widgets.base.controls import UnitSlider, timer, words
from napari_attnseg._widgets.inspect.mask_editor import MaskEditor
from napari_attnseg._widgets.inspect.undo import History
from napari_attnseg._widgets.layers.metadata import METADATA
from napari_attnseg._widgets.layers.runs import Case
from napari_attnseg.masks import MaskRules, MaskSize

COPY, REPLACE, STOP = "copy", "replace", "stop"


class MaskPanel(QWidget):
    """Re-makes the mask of a case while its controls move.

    Parameters
    ----------
    viewer : napari.Viewer
        Gets a copy of a mask that was edited by hand; says which frame is shown.
    """

    #: The shown frame was made anew.
    remade = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._editor: MaskEditor | None = None
        self._history = History(MaskRules())
        self._rest: Iterator[int] = iter(())
        self._made = 0  # the frame that was made last; the others are to follow it
        self.threshold = UnitSlider(0.01)
        self.smoothing = QDoubleSpinBox()
        self.min_size = QSpinBox()
        self.fill_holes = QCheckBox("Fill holes")
        self.largest = QCheckBox("Keep the largest object only")
        self.size_words = words()
        self.undo_button = QPushButton("Undo")
        self.reset_button = QPushButton("Model's own mask")
        self._lay_out()
        # A timer of 0: moves that come while a mask is made are one move.
        self._soon = timer(0, self._apply)
        self._later = timer(300, self._settle)
        self._step = timer(0, self._next_frame)
        # Somebody painted or undid, or another frame is shown: once, when it rests.
        self._drawn = timer(50, self._mask_drawn)

        for control, name in self._controls():
            signal = getattr(control, "valueChanged", None) or control.toggled
            signal.connect(lambda value, name=name: self._moved(name, value))
        self.undo_button.clicked.connect(self.undo)
        self.reset_button.clicked.connect(self.reset)
        self.set_case(None)

    def _lay_out(self) -> None:
        self.smoothing.setRange(0, 20)
        self.smoothing.setSingleStep(0.5)
        self.smoothing.setSuffix(" px")
        self.min_size.setRange(0, 10_000_000)
        self.min_size.setSingleStep(50)
        self.min_size.setSuffix(" px")
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Threshold", self.threshold)
        form.addRow("Smoothing", self.smoothing)
        form.addRow("Drop below", self.min_size)
        form.addRow("", self.fill_holes)
        form.addRow("", self.largest)
        form.addRow(self.size_words)
        buttons = QHBoxLayout()
        buttons.addWidget(self.undo_button)
        buttons.addWidget(self.reset_button)
        form.addRow(buttons)

    def _controls(self) -> tuple[tuple[Any, str], ...]:
        """Control, and the field of `MaskRules` that it sets."""
        return (
            (self.threshold, "threshold"),
            (self.smoothing, "smoothing"),
            (self.min_size, "min_size"),
            (self.fill_holes, "fill_holes"),
            (self.largest, "largest"),
        )

    # -- the case --------------------------------------------------------------------

    def set_case(self, case: Case | None) -> None:
        """Work on another case; None or one without its mask layer: on nothing."""
        self.finish()
        self.forget()
        usable = case is not None and case.whole
        self._editor = MaskEditor(case) if case is not None and usable else None
        self._history.restart(self._editor.own if self._editor else MaskRules())
        if self._editor is not None:
            self._history.change(self._editor.made)  # undone: the model's own
            # The second tells of undo and redo, and of much else.
            for event in self._drawing():
                event.connect(self._drawn_soon)
        self.setEnabled(usable)
        self._show_rules()
        self.say_size()

    def forget(self) -> None:
        """Let go of the mask layer; the case changes, or the widget is gone."""
        for event in self._drawing():
            event.disconnect(self._drawn_soon)

    def _drawing(self) -> tuple[Any, ...]:
        if self._editor is None:
            return ()
        events = self._editor.case.mask.events
        return events.paint, events.set_data

    def _drawn_soon(self, event: Any = None) -> None:
        self._drawn.start()

    def _mask_drawn(self) -> None:
        self.say_size()
        self.remade.emit()

    def say_size(self) -> None:
        """Area and objects of the frame that is shown."""
        if self._editor is None:
            self.size_words.setText("")
        else:
            self._say(self._editor.size(self._frame()))

    def _say(self, size: MaskSize) -> None:
        assert self._editor is not None
        total = self._editor.mask(self._frame()).size
        objects = "1 object" if size.objects == 1 else f"{size.objects} objects"
        self.size_words.setText(
            f"{size.area:,} px ({100 * size.area / total:.1f} % of the frame), "
            f"{objects}"
        )

    def _frame(self) -> int:
        assert self._editor is not None
        return self._editor.case.frame(self._viewer.dims.point)

    # -- changes ---------------------------------------------------------------------

    def _moved(self, name: str, value: Any) -> None:
        if self._editor is None:
            return
        rules = replace(self._history.now, **{name: value})
        if rules == self._history.now:
            return
        if not self._may_replace():
            self._show_rules()
            return
        self._history.change(rules, by=name)
        self._later.start()
        self._soon.start()

    def undo(self) -> None:
        """Take back the last step."""
        if self._may_replace():
            self._history.undo()
            self._now()

    def reset(self) -> None:
        """The mask as the model made it; can be undone."""
        if self._may_replace():
            self._history.reset()
            self._now()

    def _now(self) -> None:
        self._show_rules()
        self._apply()
        self._settle()

    def _apply(self) -> None:
        """Re-make the frame that is shown."""
        if self._editor is not None:
            self._made = self._frame()
            self._say(self._editor.apply(self._history.now, self._made))
            self.remade.emit()
            self.undo_button.setEnabled(self._history.can_undo)

    def _settle(self) -> None:
        """The control rests: the step is complete, and the other frames follow."""
        self._history.settle()
        if self._editor is not None and self._editor.frames > 1:
            self._rest = self._editor.apply_to_others(self._history.now, self._made)
            self._step.start()

    def _next_frame(self) -> None:
        """One frame per turn of the event loop, so that nothing blocks."""
        if next(self._rest, None) is not None:
            self._step.start()

    def finish(self) -> None:
        """Complete what is under way: the case changes, or the widget closes."""
        if self._editor is not None and self._soon.isActive():
            self._apply()
        if self._later.isActive():
            self._settle()
        for one in (self._soon, self._later, self._step, self._drawn):
            one.stop()
        for _ in self._rest:
            pass

    def _show_rules(self) -> None:
        for control, name in self._controls():
            value = getattr(self._history.now, name)
            with signals_blocked(control):
                if isinstance(control, QCheckBox):
                    control.setChecked(value)
                else:
                    control.setValue(value)
        self.undo_button.setEnabled(self._history.can_undo)

    # -- what was painted by hand ----------------------------------------------------

    def _may_replace(self) -> bool:
        """Whether the mask may be re-made: nobody painted in it, or it was asked."""
        editor = self._editor
        if editor is None:
            return False
        every = range(editor.frames)
        if not self._history.settled or not editor.edited(every):
            return True
        answer = self.ask_about_edits()
        if answer == COPY:
            layer = editor.case.mask
            options = layer.as_layer_data_tuple()[1]
            facts = layer.metadata[METADATA]
            options["name"] = f"{layer.name} (edited)"
            options["metadata"] = {METADATA: {**facts, "made_from": layer.name}}
            copy = self._viewer.add_labels(layer.data.copy(), **options)
            copy.visible = False
            self._viewer.layers.selection.active = layer
        if answer != STOP:
            editor.accept()
        return answer != STOP

    def ask_about_edits(self) -> str:
        """Ask what becomes of edits: `COPY`, `REPLACE` or `STOP`."""
        box = QMessageBox(self)
        box.setWindowTitle("Edited mask")
        box.setText(
            "This mask was edited by hand. Changing its threshold or clean-up makes it "
            "anew from the probability."
        )
        copy = box.addButton("Keep edits as a layer", QMessageBox.ButtonRole.AcceptRole)
        replaced = box.addButton(
            "Replace edits", QMessageBox.ButtonRole.DestructiveRole
        )
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        clicked = box.clickedButton()
        return COPY if clicked is copy else REPLACE if clicked is replaced else STOP

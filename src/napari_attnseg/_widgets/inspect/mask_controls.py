"""Controls of the mask: threshold and clean-up, and the question about edits."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal  # type: ignore[attr-defined]  # PyQt6's stubs
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QMessageBox,
    QPushButton,
    QSpinBox,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_attnseg._widgets.base.controls import (
    Form,
    UnitSlider,
    row_of,
    set_tips,
    wrapped_label,
)
from napari_attnseg._widgets.inspect.tips import MASK_TIPS
from napari_attnseg.masks import MaskRules

#: Of this panel: clicks, brushes and what-ifs have an undo of their own.
UNDO, NO_UNDO = "Undo setting", "No setting to undo"
COPY, REPLACE, STOP = "copy", "replace", "stop"


class MaskControls(QWidget):
    """Controls for `MaskRules`, a text on the size of the mask, and buttons to undo."""

    #: Field of `MaskRules` and the value that its control was moved to.
    moved = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self.threshold = UnitSlider(0.01)
        self.smoothing = QDoubleSpinBox()
        self.min_size = QSpinBox()
        self.fill_holes = QCheckBox("Fill holes")
        self.largest = QCheckBox("Keep the largest object only")
        self.size_label = wrapped_label()
        self.undo_button = QPushButton(UNDO)
        self.reset_button = QPushButton("Model's own mask")
        self.smoothing.setRange(0, 20)
        self.smoothing.setSingleStep(0.5)
        self.smoothing.setSuffix(" px")
        self.min_size.setRange(0, 10_000_000)
        self.min_size.setSingleStep(50)
        self.min_size.setSuffix(" px")
        set_tips({getattr(self, name): tip for name, tip in MASK_TIPS.items()})
        form = Form(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Threshold", self.threshold)
        form.addRow("Smoothing", self.smoothing)
        form.addRow("Drop below", self.min_size)
        form.addRow("", self.fill_holes)
        form.addRow("", self.largest)
        form.addRow(self.size_label)
        form.addRow(row_of(self.undo_button, self.reset_button))
        for name, control in self.controls.items():
            signal = getattr(control, "valueChanged", None) or control.toggled
            signal.connect(lambda value, name=name: self.moved.emit(name, value))

    @property
    def controls(self) -> dict[str, Any]:
        """Field of `MaskRules` → the control that sets it."""
        return {
            "threshold": self.threshold,
            "smoothing": self.smoothing,
            "min_size": self.min_size,
            "fill_holes": self.fill_holes,
            "largest": self.largest,
        }

    def show_rules(self, rules: MaskRules) -> None:
        """Show rules, without a signal that a control was moved."""
        for name, control in self.controls.items():
            value = getattr(rules, name)
            with signals_blocked(control):
                if isinstance(control, QCheckBox):
                    control.setChecked(value)
                else:
                    control.setValue(value)

    def show_undo(self, can_undo: bool) -> None:
        """Show whether there is a setting to undo."""
        self.undo_button.setEnabled(can_undo)
        self.undo_button.setText(UNDO if can_undo else NO_UNDO)

    def ask_about_edits(self) -> str:
        """Ask the user what to do with edits: `COPY`, `REPLACE` or `STOP`."""
        box = QMessageBox(self)
        box.setWindowTitle("Edited mask")
        box.setText(
            "This mask was edited by hand. Changing its threshold or clean-up computes "
            "it again from the probability."
        )
        copy = box.addButton("Keep edits as a layer", QMessageBox.ButtonRole.AcceptRole)
        replaced = box.addButton(
            "Replace edits", QMessageBox.ButtonRole.DestructiveRole
        )
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        clicked = box.clickedButton()
        return COPY if clicked is copy else REPLACE if clicked is replaced else STOP

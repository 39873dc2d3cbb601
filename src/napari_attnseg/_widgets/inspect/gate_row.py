"""Controls of the what-if: sliders for psi, and buttons to paint psi."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]  # PyQt6's stubs
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_attnseg._widgets.base.controls import UnitSlider, set_tips
from napari_attnseg._widgets.base.gate_legend import GateLegend
from napari_attnseg._widgets.preferences import gate_colours
from napari_attnseg.results import GateKey, gate_label

#: Data of the entry that is shown while psi is forced to a value that has no name;
#: choosing it changes nothing.
OTHER_VALUE = "other_value"


class GateRow(QObject):
    """The two controls of one gate: a slider between both encoders, and named values.

    Parameters
    ----------
    key : int or (int, str)
        `results.AttentionMap.key` of the gate.
    inside : QWidget
        Widget that the controls are part of from the beginning: what has no parent may
        be shown as a window.
    """

    #: Key, and the psi that was chosen; None: the gate's own; nan: its mean.
    chosen = Signal(object, object)

    def __init__(self, key: GateKey, inside: QWidget) -> None:
        super().__init__(inside)
        self.key = key
        self.name = QLabel(gate_label(key), inside)
        self.slider = UnitSlider(0.05, inside)
        self.choice = QComboBox(inside)
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.choice.setToolTip(
            "Which of the two encoders is used everywhere at this scale; as it was: "
            "what the model chose at each location."
        )
        self.slider.valueChanged.connect(lambda psi: self.chosen.emit(key, psi))
        self.choice.activated.connect(self._activated)

    def _activated(self) -> None:
        value = self.choice.currentData()
        if value != OTHER_VALUE:
            self.chosen.emit(self.key, value)

    def name_ends(self, low: str, high: str) -> None:
        """Name the encoders that psi = 0 and psi = 1 stand for."""
        self.choice.clear()
        for text, value in (
            ("as it was", None),
            (low, 0.0),
            ("both alike", 0.5),
            ("its average", np.nan),
            (high, 1.0),
            ("by slider", OTHER_VALUE),
        ):
            self.choice.addItem(text, value)
        self.slider.setToolTip(f"Left (0): only the {low}. Right (1): only the {high}.")

    def show_psi(self, psi: float | None, mean: float) -> None:
        """Show the forced psi; if it is None, show the mean of the gate's own psi."""
        with signals_blocked(self.slider), signals_blocked(self.choice):
            self.slider.setValue(mean if psi is None else psi)
            known = self.choice.findData(psi)
            self.choice.setCurrentIndex(
                known if known >= 0 else self.choice.findData(OTHER_VALUE)
            )


class GateRows(QWidget):
    """The controls of all gates of a model, one row per gate."""

    #: As of `GateRow`.
    chosen = Signal(object, object)

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[GateKey, GateRow] = {}
        #: What the left and the right end of every slider are.
        self.legend = GateLegend()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.legend)
        self._grid = QGridLayout()
        layout.addLayout(self._grid)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 1)

    def set_gates(self, keys: Sequence[GateKey]) -> None:
        """Replace the rows, from top to bottom."""
        for row in self.rows.values():
            for part in (row.name, row.slider, row.choice):
                self._grid.removeWidget(part)
                part.hide()
                part.deleteLater()
            row.deleteLater()
        self.rows = {key: GateRow(key, self) for key in keys}
        for i, row in enumerate(self.rows.values()):
            row.chosen.connect(self.chosen)
            self._grid.addWidget(row.name, i, 0)
            self._grid.addWidget(row.slider, i, 1)
            self._grid.addWidget(row.choice, i, 2)

    def name_ends(self, ends: Mapping[GateKey, tuple[str, str]]) -> None:
        """Name the encoders that psi 0 and psi 1 of each gate stand for."""
        for key, (low, high) in ends.items():
            self.rows[key].name_ends(low, high)
        # Two gates per level have ends of their own, which their lists name.
        different = set(ends.values())
        self.legend.setVisible(len(different) == 1)
        for low, high in different:
            self.legend.show_ends(gate_colours(), low, high)


class PaintControls(QWidget):
    """Buttons to paint psi, and the choice of the gates that the paint forces."""

    def __init__(self) -> None:
        super().__init__()
        self.paint_button = QPushButton("Paint…")
        self.dab_button = QPushButton("Paint at ring")
        self.box = QComboBox()
        set_tips(
            {
                self.paint_button: "Paint on the image where one of the two encoders "
                "is to be used.",
                self.dab_button: "Paint once where the ring is, without a mouse.",
                self.box: "The scales to which the paint applies.",
            }
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.paint_button)
        layout.addWidget(self.dab_button)
        layout.addWidget(QLabel("in"))
        layout.addWidget(self.box, 1)

    @property
    def gates(self) -> tuple[GateKey, ...]:
        """Keys of the chosen gates."""
        keys: tuple[GateKey, ...] = self.box.currentData()
        return keys

    def set_gates(self, keys: Sequence[GateKey]) -> None:
        """Offer all gates together, and each alone."""
        self.box.clear()
        self.box.addItem("all gates", tuple(keys))
        for key in keys:
            self.box.addItem(gate_label(key), (key,))

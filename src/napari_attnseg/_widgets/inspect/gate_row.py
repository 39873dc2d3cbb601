"""One gate of the what-if: a slider between both encoders, and values to choose."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]  # PyQt6's stubs
from qtpy.QtWidgets import QComboBox, QLabel
from superqt.utils import signals_blocked

from napari_attnseg._widgets.base.controls import UnitSlider
from napari_attnseg.results import GateKey, gate_label

#: Shown where psi is forced to a value that has no name; choosing it changes nothing.
FORCED = "forced"


class GateRow(QObject):
    """The two controls of one gate, for a panel to lay out.

    Parameters
    ----------
    key : int or (int, str)
        `results.AttentionMap.key` of the gate.
    """

    #: Key, and the psi that was chosen; None: the gate's own; nan: its mean.
    chosen = Signal(object, object)

    def __init__(self, key: GateKey) -> None:
        super().__init__()
        self.key = key
        self.name = QLabel(gate_label(key))
        self.slider = UnitSlider(0.05)
        self.choice = QComboBox()
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.slider.valueChanged.connect(lambda psi: self.chosen.emit(key, psi))
        self.choice.activated.connect(self._activated)

    def _activated(self) -> None:
        value = self.choice.currentData()
        if value != FORCED:
            self.chosen.emit(self.key, value)

    def name_ends(self, low: str, high: str) -> None:
        """What psi 0 and 1 mean."""
        self.choice.clear()
        for text, value in (
            ("own", None),
            (low, 0.0),
            ("half", 0.5),
            ("its mean", np.nan),
            (high, 1.0),
            (FORCED, FORCED),
        ):
            self.choice.addItem(text, value)
        self.slider.setToolTip(f"0: {low}, 1: {high}")

    def show_psi(self, psi: float | None, mean: float) -> None:
        """Show the forced psi, or that the gate's own is used."""
        with signals_blocked(self.slider), signals_blocked(self.choice):
            self.slider.setValue(mean if psi is None else psi)
            known = self.choice.findData(psi)
            self.choice.setCurrentIndex(
                known if known >= 0 else self.choice.findData(FORCED)
            )

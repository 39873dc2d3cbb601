"""Legend of gate maps: a colour bar between the names of its two ends."""

from __future__ import annotations

from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from napari_attnseg.colormaps import GATE_MAPS
from napari_attnseg.gate_words import TWO_ENCODERS

_BAR = "background: qlineargradient(x1: 0, y1: 0, x2: 1, y2: 0, {stops});"


class GateLegend(QWidget):
    """Colour bar of a gate map, with the meaning of each end beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.low, self.high, self.bar = QLabel(), QLabel(), QFrame()
        self.bar.setFixedHeight(12)
        self.setToolTip(TWO_ENCODERS)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.low)
        layout.addWidget(self.bar, 1)
        layout.addWidget(self.high)

    def show_ends(self, colours: str, low: str, high: str) -> None:
        """Show any colour map, with names of its two ends."""
        known = GATE_MAPS.get(colours)
        self.bar.setVisible(known is not None)
        if known is None:
            self.low.setText(f"0: {low}")
            self.high.setText(f"1: {high}")
            return
        self.low.setText(f"{known.low}: {low}")
        self.high.setText(f"{known.high}: {high}")
        stops = ", ".join(f"stop: {at} {colour}" for at, colour in known.stops)
        self.bar.setStyleSheet(_BAR.format(stops=stops))

"""The control "Segment every n-th slice" of stacks and films."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QLabel, QSpinBox, QWidget

from napari_attnseg._widgets.base.controls import set_tips

#: More than this is left out of no film.
_MOST = 1000


class EveryBox(QWidget):
    """Choice to segment only some frames of a stack; hidden for a single image."""

    def __init__(self) -> None:
        super().__init__()
        label = QLabel("Segment every n-th slice, n =")
        self.box = QSpinBox()
        self.box.setRange(1, _MOST)
        tip = (
            "1: every slice or frame; 10: the first, the eleventh and so on. Those in "
            "between are marked as not segmented."
        )
        set_tips({self.box: tip, label: tip})
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(label)
        layout.addWidget(self.box)
        layout.addStretch()
        self.hide()

    def follow(self, frames: int | None) -> None:
        """Show the control for a stack of this many frames; None or 1: hide it."""
        self.setVisible(bool(frames) and frames != 1)

    @property
    def every(self) -> int:
        """Step between segmented frames."""
        return 1 if self.isHidden() else self.box.value()
